import { dayOf, type TlsMaterial } from './read-tls.js';

const DAY_MS = 86_400_000;

/** Clients are told nothing by a certificate that ends soon; who runs the server has to be told in time to renew it. */
const SOON_MS = 14 * DAY_MS;

/** What is to be said of a certificate at `now`, ms since 1970; null where it is good for a while. */
export function certificateWarning({ certFile, validFrom, validTo }: TlsMaterial, now: number): string | null {
  const what = `[tls] the certificate in ${certFile}`;
  const renew = 'put a new one in its place, then: semantic config reload';
  if (now >= validTo) return `${what} expired on ${dayOf(validTo)}, and clients refuse it: ${renew}`;
  if (now < validFrom) return `${what} counts from ${dayOf(validFrom)} on, and clients refuse it until then`;
  if (validTo - now > SOON_MS) return null;
  return `${what} expires on ${dayOf(validTo)}, in ${Math.floor((validTo - now) / DAY_MS)} days: ${renew}`;
}
