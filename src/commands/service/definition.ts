/** The daemon as a service of its user: for systemd, and for launchd on a Mac. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import { packageDirectory, serveLogFile } from '../../adapters/paths/paths.js';

export interface ServiceDefinition {
  /** Where it is written. */
  readonly path: string;
  readonly text: string;
  /** Commands that start it, and have it started at every login; and those that end that. */
  readonly enable: readonly (readonly string[])[];
  readonly disable: readonly (readonly string[])[];
  readonly status: readonly string[];
}

const LABEL = 'org.semantic.daemon';

/** `args` are those of `semantic serve`; `stopSeconds`: how long it may take to end. */
export function serviceDefinition(args: readonly string[], stopSeconds: number, platform = process.platform): ServiceDefinition {
  const command = [process.execPath, join(packageDirectory(), 'bin/run.js'), 'serve', ...args];
  return platform === 'darwin' ? forLaunchd(command, stopSeconds) : forSystemd(command, stopSeconds);
}

/** SEMANTIC_HOME and the rest of what decides about paths and settings, as it is now. */
function environment(): [string, string][] {
  return Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && /^(?:SEMANTIC_(?!CLIENT_API_KEY)|XDG_(?:CONFIG|DATA|STATE)_HOME$)/.test(name) ? [[name, value]] : [],
  );
}

function forSystemd(command: readonly string[], stopSeconds: number): ServiceDefinition {
  const user = (...args: string[]): readonly string[] => ['systemctl', '--user', ...args];
  const set = environment().map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}\n`);
  return {
    path: join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'systemd/user/semantic.service'),
    text: `[Unit]
Description=semantic: one local model for many agents
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
NotifyAccess=all
ExecStart=${command.map(quoted).join(' ')}
${set.join('')}Restart=on-failure
RestartSec=2
# Large models take their time to load; the end waits for answers and for KV to be stored.
TimeoutStartSec=900
TimeoutStopSec=${stopSeconds}
KillMode=mixed
NoNewPrivileges=yes

[Install]
WantedBy=default.target
`,
    enable: [user('daemon-reload'), user('enable', '--now', 'semantic.service')],
    disable: [user('disable', '--now', 'semantic.service'), user('daemon-reload')],
    status: user('status', '--no-pager', 'semantic.service'),
  };
}

/** As systemd reads words: quoted, with its specifiers and variables left alone. */
function quoted(word: string): string {
  const text = word.replaceAll('%', '%%').replaceAll('$', '$$$$');
  return /^[\w@%+=:,./$-]+$/.test(text) ? text : `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

function forLaunchd(command: readonly string[], stopSeconds: number): ServiceDefinition {
  const path = join(homedir(), `Library/LaunchAgents/${LABEL}.plist`);
  const domain = `gui/${process.getuid?.() ?? 0}`;
  const string = (text: string): string =>
    `<string>${text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</string>`;
  const set = environment().map(([name, value]) => `    <key>${name}</key>\n    ${string(value)}\n`);
  const variables = set.length === 0 ? '' : `  <key>EnvironmentVariables</key>\n  <dict>\n${set.join('')}  </dict>\n`;
  return {
    path,
    text: `<?xml version="1.0" encoding="UTF-8"?>
<plist version="1.0">
<dict>
  <key>Label</key>
  ${string(LABEL)}
  <key>ProgramArguments</key>
  <array>
${command.map((word) => `    ${string(word)}`).join('\n')}
  </array>
${variables}  <key>RunAtLoad</key>
  <true/>
  <key>KeepAlive</key>
  <dict>
    <key>SuccessfulExit</key>
    <false/>
  </dict>
  <key>ExitTimeOut</key>
  <integer>${stopSeconds}</integer>
  <key>StandardErrorPath</key>
  ${string(serveLogFile(''))}
  <key>ProcessType</key>
  <string>Interactive</string>
</dict>
</plist>
`,
    enable: [['launchctl', 'bootstrap', domain, path]],
    disable: [['launchctl', 'bootout', `${domain}/${LABEL}`]],
    status: ['launchctl', 'print', `${domain}/${LABEL}`],
  };
}
