/** Every command by its id; an explicit list is the fastest thing oclif can load. Heavy imports wait inside `run`. */
import AgentsExport from './agents/export.js';
import AgentsFork from './agents/fork.js';
import AgentsImport from './agents/import.js';
import AgentsLs from './agents/ls.js';
import AgentsPin from './agents/pin.js';
import AgentsRewind from './agents/rewind.js';
import AgentsRm from './agents/rm.js';
import AgentsShow from './agents/show.js';
import AgentsUnpin from './agents/unpin.js';
import AuditLs from './audit/ls.js';
import AuditVerify from './audit/verify.js';
import Bench from './bench.js';
import BenchCompare from './bench/compare.js';
import BenchGate from './bench/gate.js';
import BenchLs from './bench/ls.js';
import BenchShow from './bench/show.js';
import CacheEvict from './cache/evict.js';
import CacheInspect from './cache/inspect.js';
import CacheVerify from './cache/verify.js';
import Chat from './chat.js';
import ConfigPath from './config/path.js';
import ConfigReload from './config/reload.js';
import ConfigSchema from './config/schema.js';
import ConfigShow from './config/show.js';
import Doctor from './doctor.js';
import JobsCancel from './jobs/cancel.js';
import JobsLs from './jobs/ls.js';
import JobsRetry from './jobs/retry.js';
import JobsShow from './jobs/show.js';
import JobsSubmit from './jobs/submit.js';
import KeysAdd from './keys/add.js';
import KeysLs from './keys/ls.js';
import KeysRm from './keys/rm.js';
import Launch from './launch.js';
import Logs from './logs.js';
import ModelsAliasLs from './models/alias/ls.js';
import ModelsAliasRm from './models/alias/rm.js';
import ModelsAliasSet from './models/alias/set.js';
import ModelsConvert from './models/convert.js';
import ModelsLoad from './models/load.js';
import ModelsLs from './models/ls.js';
import ModelsPin from './models/pin.js';
import ModelsPull from './models/pull.js';
import ModelsRm from './models/rm.js';
import ModelsShow from './models/show.js';
import ModelsVerify from './models/verify.js';
import ModelsSwap from './models/swap.js';
import ModelsUnload from './models/unload.js';
import ModelsUnpin from './models/unpin.js';
import Record from './record.js';
import RecordImport from './record/import.js';
import Replay from './replay.js';
import Restart from './restart.js';
import Serve from './serve.js';
import ServiceInstall from './service/install.js';
import ServiceStatus from './service/status.js';
import ServiceUninstall from './service/uninstall.js';
import Status from './status.js';
import Stop from './stop.js';
import Top from './top.js';
import Worker from './worker.js';

export const COMMANDS = {
  'agents:export': AgentsExport,
  'agents:fork': AgentsFork,
  'agents:import': AgentsImport,
  'agents:ls': AgentsLs,
  'agents:pin': AgentsPin,
  'agents:rewind': AgentsRewind,
  'agents:rm': AgentsRm,
  'agents:show': AgentsShow,
  'agents:unpin': AgentsUnpin,
  'audit:ls': AuditLs,
  'audit:verify': AuditVerify,
  bench: Bench,
  'bench:compare': BenchCompare,
  'bench:gate': BenchGate,
  'bench:ls': BenchLs,
  'bench:show': BenchShow,
  'cache:evict': CacheEvict,
  'cache:inspect': CacheInspect,
  'cache:verify': CacheVerify,
  chat: Chat,
  'config:path': ConfigPath,
  'config:reload': ConfigReload,
  'config:schema': ConfigSchema,
  'config:show': ConfigShow,
  doctor: Doctor,
  'jobs:cancel': JobsCancel,
  'jobs:ls': JobsLs,
  'jobs:retry': JobsRetry,
  'jobs:show': JobsShow,
  'jobs:submit': JobsSubmit,
  'keys:add': KeysAdd,
  'keys:ls': KeysLs,
  'keys:rm': KeysRm,
  launch: Launch,
  logs: Logs,
  'models:alias:ls': ModelsAliasLs,
  'models:alias:rm': ModelsAliasRm,
  'models:alias:set': ModelsAliasSet,
  'models:convert': ModelsConvert,
  'models:load': ModelsLoad,
  'models:ls': ModelsLs,
  'models:pin': ModelsPin,
  'models:pull': ModelsPull,
  'models:rm': ModelsRm,
  'models:show': ModelsShow,
  'models:verify': ModelsVerify,
  'models:swap': ModelsSwap,
  'models:unload': ModelsUnload,
  'models:unpin': ModelsUnpin,
  record: Record,
  'record:import': RecordImport,
  replay: Replay,
  restart: Restart,
  serve: Serve,
  'service:install': ServiceInstall,
  'service:status': ServiceStatus,
  'service:uninstall': ServiceUninstall,
  status: Status,
  stop: Stop,
  top: Top,
  worker: Worker,
};
