/** Decimal numbers digit by digit: exact, where floating point is not. */
export interface Decimal {
  readonly negative: boolean;
  readonly whole: string; // without leading zeros, '0' for none
  readonly fraction: string; // without trailing zeros
}

/** Null for what has no plain decimal form of a sensible length. */
export function toDecimal(value: number): Decimal | null {
  if (!Number.isFinite(value) || Math.abs(value) >= 1e21) return null;
  const text = /e/.test(String(value)) ? value.toFixed(20) : String(value);
  if (Number(text) !== value) return null;
  const [whole = '0', fraction = ''] = text.replace('-', '').split('.');
  return { negative: value < 0, whole, fraction: fraction.replace(/0+$/, '') };
}
