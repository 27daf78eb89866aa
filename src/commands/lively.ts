/** Where ink draws and keys can be read. It draws nothing while one of these names is set. */
export function isLively(): boolean {
  const isAutomatic = ['CI', 'CONTINUOUS_INTEGRATION'].some((name) => !['0', 'false', undefined].includes(process.env[name]));
  return process.stdin.isTTY && process.stdout.isTTY && process.env['TERM'] !== 'dumb' && !isAutomatic;
}
