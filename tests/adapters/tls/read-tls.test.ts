import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import { certificateWarning } from '../../../src/adapters/tls/certificate-warning.js';
import { readTls, type TlsSettings } from '../../../src/adapters/tls/read-tls.js';
import { Authority } from '../../support/certificates.js';
import { hasTool } from '../../support/has-tool.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let number = 0;
const file = (text: string | Buffer): string => {
  number += 1;
  const path = join(folder, `${number}.pem`);
  writeFileSync(path, text);
  return path;
};

const authority = new Authority('an authority');
const issued = authority.issue({ to: 100 });
const [cert, key, ca] = [file(issued.cert), file(issued.key), file(authority.cert)];
const DAY_MS = 86_400_000;

const settings = (given: Partial<TlsSettings>): TlsSettings => ({
  tls_cert_file: cert,
  tls_key_file: key,
  tls_client_ca_file: '',
  ...given,
});
const read = (given: Partial<TlsSettings>, now = Date.now()) => readTls(settings(given), now);

test('no file at all is no TLS', () => {
  expect(read({ tls_cert_file: '', tls_key_file: '' })).toBeNull();
});

test('certificate and key that belong together are read, with how long they are good for', () => {
  const material = read({ tls_client_ca_file: ca })!;
  expect([material.cert, material.key, material.clientCa].map(String)).toEqual([issued.cert, issued.key, authority.cert]);
  expect(Math.round((material.validTo - Date.now()) / DAY_MS)).toBe(100);
  expect(read({})!.clientCa).toBeNull();
});

test('certificates of those between it and a root may follow', () => {
  expect(read({ tls_cert_file: file(issued.cert + authority.cert) })).not.toBeNull();
});

test.skipIf(!hasTool('openssl', 'version'))('what openssl makes is read as it is', async () => {
  const [ownCert, ownKey] = [join(folder, 'own.pem'), join(folder, 'own.key')];
  const made = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', ownKey, '-out', ownCert, '-days', '30', '-subj', '/CN=localhost'];
  await execa('openssl', ['req', ...made]);
  expect(Math.round((read({ tls_cert_file: ownCert, tls_key_file: ownKey })!.validTo - Date.now()) / DAY_MS)).toBe(30);
});

describe('what cannot serve anybody is ConfigInvalid, and names setting, file and reason', () => {
  const expired = authority.issue({ from: -20, to: -1 });
  const short = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const encrypted = short.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' });
  const nothing = join(folder, 'nothing.pem');
  test.each<[string, Partial<TlsSettings>, string, string, string]>([
    ['a key alone', { tls_cert_file: '' }, 'tls_cert_file', 'server.tls_key_file is set', 'neither'],
    ['a certificate alone', { tls_key_file: '' }, 'tls_key_file', 'server.tls_cert_file is set', 'neither'],
    [
      'signers of clients alone',
      { tls_cert_file: '', tls_key_file: '', tls_client_ca_file: ca },
      'tls_client_ca_file',
      'none itself',
      'HTTPS',
    ],
    ['a file that is not there', { tls_cert_file: nothing }, 'tls_cert_file', nothing, ''],
    ['a key that is not there', { tls_key_file: nothing }, 'tls_key_file', nothing, ''],
    ['signers that are not there', { tls_client_ca_file: nothing }, 'tls_client_ca_file', nothing, ''],
    ['a folder', { tls_cert_file: folder }, 'tls_cert_file', 'EISDIR', ''],
    ['an empty file', { tls_cert_file: file('') }, 'tls_cert_file', 'no certificate in PEM', 'openssl x509'],
    ['a key in place of the certificate', { tls_cert_file: key }, 'tls_cert_file', 'no certificate in PEM', ''],
    ['a damaged one', { tls_cert_file: file(issued.cert.replace('MII', 'AAA')) }, 'tls_cert_file', 'damaged', ''],
    ['a certificate in place of the key', { tls_key_file: cert }, 'tls_key_file', 'no private key in PEM', ''],
    ['a key with a passphrase', { tls_key_file: file(encrypted) }, 'tls_key_file', 'encrypted', 'openssl pkey'],
    ['the key of another one', { tls_key_file: file(authority.issue().key) }, 'tls_key_file', 'not that of the certificate', 'made for'],
    [
      'the chain the wrong way round',
      { tls_cert_file: file(authority.cert + issued.cert) },
      'tls_key_file',
      'first certificate',
      'first in the file',
    ],
    [
      'one that has expired',
      { tls_cert_file: file(expired.cert), tls_key_file: file(expired.key) },
      'tls_cert_file',
      'expired on 20',
      'new one',
    ],
    ['signers that are none', { tls_client_ca_file: key }, 'tls_client_ca_file', 'no certificate in PEM', ''],
  ])('%s', (_name, given, name, message, hint) => {
    let thrown: unknown = null;
    try {
      read(given);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({
      code: 'ConfigInvalid',
      exitCode: 2,
      param: `server.${name}`,
      message: expect.stringContaining(message),
    });
    expect((thrown as { hint?: string }).hint ?? '').toContain(hint);
  });
});

describe('a warning', () => {
  const material = read({})!;
  test.each([
    ['nothing, long before its end', material.validTo - 15 * DAY_MS, null],
    ['how many days are left, in the last fourteen', material.validTo - 13.5 * DAY_MS, 'in 13 days'],
    ['that it has expired, while a daemon runs', material.validTo, 'expired on'],
    ['that it does not count yet', material.validFrom - DAY_MS, 'counts from'],
  ])('says %s', (_name, now, text) => {
    const said = certificateWarning(material, now);
    if (text === null) expect(said).toBeNull();
    else expect(said).toMatch(new RegExp(`${cert}.*${text}`));
  });
});
