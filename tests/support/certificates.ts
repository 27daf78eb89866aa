/** Certificates as an authority makes them, for any time: X.509 v3 in DER by hand, keys and signatures by Node. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';

export interface Issued {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

export interface Wish {
  /** Names and IPv4 addresses it is for. */
  readonly names?: readonly string[];
  /** Days from now. */
  readonly from?: number;
  readonly to?: number;
}

export class Authority implements Issued {
  readonly cert: string;
  readonly key: string;
  readonly #private: KeyObject;

  constructor(private readonly name: string) {
    const { privateKey, publicKey } = keyPair();
    this.#private = privateKey;
    this.key = pemOf(privateKey);
    const isAuthority = sequence(oid(BASIC_CONSTRAINTS), BOOLEAN_TRUE, octets(sequence(BOOLEAN_TRUE)));
    this.cert = certificate({ subject: name, issuer: name, publicKey, signer: privateKey, from: -1, to: 3650, extensions: [isAuthority] });
  }

  issue({ names = ['localhost', '127.0.0.1'], from = -1, to = 365 }: Wish = {}): Issued {
    const { privateKey, publicKey } = keyPair();
    const given = names.map((name) =>
      isIP(name) === 4 ? der(0x87, Buffer.from(name.split('.').map(Number))) : der(0x82, Buffer.from(name)),
    );
    const alternatives = sequence(oid(SUBJECT_ALT_NAME), octets(sequence(...given)));
    const cert = certificate({
      subject: names[0] ?? 'nobody',
      issuer: this.name,
      publicKey,
      signer: this.#private,
      from,
      to,
      extensions: [alternatives],
    });
    return { cert, key: pemOf(privateKey) };
  }
}

interface Parts {
  readonly subject: string;
  readonly issuer: string;
  readonly publicKey: KeyObject;
  readonly signer: KeyObject;
  readonly from: number;
  readonly to: number;
  readonly extensions: readonly Buffer[];
}

function certificate({ subject, issuer, publicKey, signer, from, to, extensions }: Parts): string {
  const algorithm = sequence(oid(ECDSA_WITH_SHA256));
  const tbs = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // v3
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])), // serial number
    algorithm,
    nameOf(issuer),
    sequence(timeOf(from), timeOf(to)),
    nameOf(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  );
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', tbs, signer)]));
  const lines = sequence(tbs, algorithm, signature)
    .toString('base64')
    .match(/.{1,64}/g)!;
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const BASIC_CONSTRAINTS = '551d13';
const SUBJECT_ALT_NAME = '551d11';
const BOOLEAN_TRUE = Buffer.from([0x01, 0x01, 0xff]);

function keyPair(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(0x30, Buffer.concat(parts));
}

function octets(content: Buffer): Buffer {
  return der(0x04, content);
}

/** Of its content in hex. */
function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function nameOf(common: string): Buffer {
  return sequence(der(0x31, sequence(oid(COMMON_NAME), der(0x0c, Buffer.from(common)))));
}

/** UTCTime, which goes to 2049. */
function timeOf(days: number): Buffer {
  const digits = new Date(Date.now() + days * 86_400_000).toISOString().replaceAll(/\D/g, '');
  return der(0x17, Buffer.from(`${digits.slice(2, 14)}Z`));
}
