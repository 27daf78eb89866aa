/** Certificate and key of the server as they lie in files, checked before anybody relies on them. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { SemanticError } from '../../core/domain/errors.js';

/** Paths; "" = none. */
export interface TlsSettings {
  readonly tls_cert_file: string;
  readonly tls_key_file: string;
  readonly tls_client_ca_file: string;
}

export interface TlsMaterial {
  /** PEM: the server's own certificate, then those between it and a root. */
  readonly cert: Buffer;
  readonly key: Buffer;
  /** PEM of those who sign clients' certificates; null = clients need none. */
  readonly clientCa: Buffer | null;
  /** Where the certificate came from, for messages. */
  readonly certFile: string;
  /** Milliseconds since 1970, of the server's own certificate. */
  readonly validFrom: number;
  readonly validTo: number;
}

/** As old as clients may be; said here, since flags of Node could allow older ones. */
export const MIN_TLS_VERSION = 'TLSv1.2';

/** Null where no files are named. `now`: ms since 1970. Throws ConfigInvalid for half of the files, and for what cannot serve anybody. */
export function readTls(settings: TlsSettings, now: number): TlsMaterial | null {
  const { tls_cert_file: certFile, tls_key_file: keyFile, tls_client_ca_file: clientCaFile } = settings;
  assertComplete(settings);
  if (certFile === '') return null;
  const cert = read('tls_cert_file', certFile);
  const key = read('tls_key_file', keyFile);
  const [own, ...others] = certificatesIn('tls_cert_file', certFile, cert) as [X509Certificate, ...X509Certificate[]];
  const privateKey = privateKeyIn(keyFile, key);
  if (!own.checkPrivateKey(privateKey)) {
    const isLater = others.some((other) => other.checkPrivateKey(privateKey));
    throw invalid('tls_key_file', `the key in ${keyFile} is not that of the ${isLater ? 'first ' : ''}certificate in ${certFile}`, {
      hint: isLater ? "Put the server's own certificate first in the file." : 'Name the key that the certificate was made for.',
    });
  }
  const [validFrom, validTo] = [Date.parse(own.validFrom), Date.parse(own.validTo)];
  if (now >= validTo)
    throw invalid('tls_cert_file', `the certificate in ${certFile} expired on ${dayOf(validTo)}`, { hint: 'Put a new one in its place.' });
  const clientCa = clientCaFile === '' ? null : read('tls_client_ca_file', clientCaFile);
  if (clientCa !== null) certificatesIn('tls_client_ca_file', clientCaFile, clientCa);
  const material = { cert, key, clientCa, certFile, validFrom, validTo };
  assertServes(material);
  return material;
}

/** `2027-01-31` */
export function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function assertComplete({ tls_cert_file: cert, tls_key_file: key, tls_client_ca_file: clientCa }: TlsSettings): void {
  const hint = 'Set server.tls_cert_file and server.tls_key_file for HTTPS, or neither of them for HTTP.';
  if (cert === '' && key !== '') throw invalid('tls_cert_file', 'server.tls_key_file is set, and server.tls_cert_file is not', { hint });
  if (cert !== '' && key === '') throw invalid('tls_key_file', 'server.tls_cert_file is set, and server.tls_key_file is not', { hint });
  if (cert === '' && clientCa !== '')
    throw invalid('tls_client_ca_file', 'certificates of clients are asked for, and the server has none itself', { hint });
}

function read(name: keyof TlsSettings, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw invalid(name, `cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** One at least. */
function certificatesIn(name: keyof TlsSettings, path: string, pem: Buffer): X509Certificate[] {
  const blocks = pem.toString('latin1').match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0) {
    throw invalid(name, `there is no certificate in PEM (-----BEGIN CERTIFICATE-----) in ${path}`, {
      hint: 'One in DER becomes one in PEM with: openssl x509 -inform der -in FILE -out FILE.pem',
    });
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw invalid(name, `a certificate in ${path} is damaged: ${(cause as Error).message}`, { cause });
  }
}

function privateKeyIn(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    if (/^(?:-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED)/m.test(pem.toString('latin1'))) {
      throw invalid('tls_key_file', `the key in ${path} is encrypted, and nobody is there to type a passphrase`, {
        hint: 'Decrypt it with openssl pkey -in FILE -out FILE.key, and let only the user of the daemon read it.',
        cause,
      });
    }
    throw invalid('tls_key_file', `there is no private key in PEM in ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** What OpenSSL will not serve with, such as a key that is too short. */
function assertServes({ cert, key, clientCa, certFile }: TlsMaterial): void {
  try {
    createSecureContext({ cert, key, minVersion: MIN_TLS_VERSION, ...(clientCa === null ? {} : { ca: clientCa }) });
  } catch (cause) {
    throw invalid('tls_cert_file', `the certificate in ${certFile} cannot be used: ${(cause as Error).message}`, { cause });
  }
}

function invalid(name: keyof TlsSettings, text: string, details: { readonly hint?: string; readonly cause?: unknown }): SemanticError {
  return new SemanticError('ConfigInvalid', `[tls] ${text}`, { param: `server.${name}`, ...details });
}
