/** Every command by its id; an explicit list is the fastest thing oclif can load. Heavy imports wait inside `run`. */
import Chat from './chat.js';
import Doctor from './doctor.js';
import ModelsLs from './models/ls.js';
import ModelsPull from './models/pull.js';
import Serve from './serve.js';

export const COMMANDS = {
  chat: Chat,
  doctor: Doctor,
  'models:ls': ModelsLs,
  'models:pull': ModelsPull,
  serve: Serve,
};
