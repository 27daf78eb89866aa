/** Values of `format` that are written down exactly, as expressions. */
const MONTHS_31 = '(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])';
const MONTHS_30 = '(0[469]|11)-(0[1-9]|[12][0-9]|30)';
const FEBRUARY = '02-(0[1-9]|1[0-9]|2[0-8])';
const LEAP_YEAR = '([0-9][0-9](0[48]|[2468][048]|[13579][26])|(0[048]|[2468][048]|[13579][26])00)';
const DATE = `([0-9]{4}-(${MONTHS_31}|${MONTHS_30}|${FEBRUARY})|${LEAP_YEAR}-02-29)`;
const CLOCK = '([01][0-9]|2[0-3]):[0-5][0-9]';
const TIME = `${CLOCK}:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]${CLOCK})`;
const BYTE = '(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])';
const LABEL = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';

export const FORMATS: ReadonlyMap<string, string> = new Map([
  ['date', DATE],
  ['time', TIME],
  ['date-time', `${DATE}T${TIME}`],
  ['uuid', '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'],
  ['email', `[A-Za-z0-9_+-]{1,32}(\\.[A-Za-z0-9_+-]{1,32})?@(${LABEL}\\.){1,3}[a-z]{2,16}`],
  ['ipv4', `(${BYTE}\\.){3}${BYTE}`],
  ['hostname', `(${LABEL}\\.){0,3}${LABEL}`],
]);
