/** semantic service: what it writes, as the tools of the platform read it, and what systemd is told by a daemon. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import { serviceDefinition } from '../../src/commands/service/definition.js';
import { startDaemon, until } from '../support/daemon.js';
import { hasTool } from '../support/has-tool.js';
import { createHome, type Ended, RUN, semantic } from '../support/run-semantic.js';

const home = createHome();
const config = mkdtempSync(join(tmpdir(), 'semantic-xdg-'));
afterAll(() => {
  home.remove();
  rmSync(config, { recursive: true });
});
const unit = join(config, 'systemd/user/semantic.service');
const service = (...args: string[]): Promise<Ended> =>
  semantic(['service', ...args], { home: home.path, env: { XDG_CONFIG_HOME: config } });

describe.skipIf(process.platform !== 'linux')('with systemd', () => {
  test('--dry-run prints the unit and writes nothing; install writes it, uninstall removes it', async () => {
    const dry = await service('install', '--dry-run', '--', '--port', '9000', '--model', './my model.gguf');
    expect(dry.stdout).toContain(`ExecStart=${process.execPath} ${RUN} serve --port 9000 --model "./my model.gguf"\n`);
    expect(dry.stdout).toContain(`Environment=SEMANTIC_HOME=${home.path}\n`);
    expect(dry.stdout).toMatch(/^Type=notify\nNotifyAccess=all$/m);
    expect(existsSync(unit)).toBe(false);
    expect((await service('status')).exitCode).toBe(7);
    expect((await service('uninstall')).exitCode).toBe(2);

    const installed = await service('install', '--no-start');
    expect([installed.exitCode, installed.stdout]).toEqual([
      0,
      expect.stringContaining('then: systemctl --user enable --now semantic.service'),
    ]);
    expect(readFileSync(unit, 'utf8')).toContain('TimeoutStopSec=70\n'); // 10 s for answers, and a minute
    expect((await service('uninstall')).exitCode).toBe(0);
    expect(existsSync(unit)).toBe(false);
  });

  test.skipIf(!hasTool('systemd-analyze'))('systemd finds nothing to mend in the unit', async () => {
    const file = join(config, 'semantic.service');
    writeFileSync(file, serviceDefinition(['--port', '0'], 70, 'linux').text);
    const { exitCode, stdout, stderr } = await execa('systemd-analyze', ['verify', '--user', file], {
      reject: false,
      env: { XDG_RUNTIME_DIR: config },
    });
    expect([exitCode, `${stdout}${stderr}`.split('\n').filter((line) => line.includes('semantic.service'))]).toEqual([0, []]);
  });

  test.skipIf(!hasTool('systemd-notify'))('a daemon says when it serves, and when it is on its way out', async () => {
    const socket = join(home.path, 'notify.sock');
    const script = `import socket,sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1]); print('bound', flush=True)
while True: print(repr(s.recv(4096).decode()), flush=True)`;
    const receiver = spawn('python3', ['-c', script, socket], { stdio: ['ignore', 'pipe', 'inherit'] });
    let heard = '';
    receiver.stdout.setEncoding('utf8').on('data', (text: string) => (heard += text));
    const hears = (what: string): Promise<string> =>
      until(
        () => heard,
        (text) => text.includes(what),
      );
    await hears('bound');
    const daemon = await startDaemon([], { NOTIFY_SOCKET: socket });
    expect(await hears('READY=1')).toContain(`STATUS=serving smollm2-135m-instruct on ${daemon.summary.address}`);
    daemon.signal('SIGTERM');
    await hears('STOPPING=1');
    await daemon.stop();
    receiver.kill('SIGKILL');
    await once(receiver, 'exit');
  });
});

test('with launchd: a property list that says the same', () => {
  const { path, text } = serviceDefinition(['--model', 'a & b'], 70, 'darwin');
  expect(path).toMatch(/Library\/LaunchAgents\/.*\.plist$/);
  const read = execFileSync('python3', ['-c', 'import plistlib,sys,json; print(json.dumps(plistlib.loads(sys.stdin.buffer.read())))'], {
    input: text,
  });
  expect(JSON.parse(read.toString())).toMatchObject({
    ProgramArguments: [process.execPath, RUN, 'serve', '--model', 'a & b'],
    KeepAlive: { SuccessfulExit: false },
    ExitTimeOut: 70,
  });
});
