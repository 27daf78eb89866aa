/** The first `dimensions` of a vector, of length 1; sums are in f64, so that it does not depend on how it was made. */
export function unitVector(vector: Float32Array, dimensions: number): Float32Array {
  const cut = vector.subarray(0, dimensions);
  let squares = 0;
  for (const x of cut) squares += x * x;
  const length = Math.sqrt(squares);
  return length === 0 ? cut.slice() : cut.map((x) => x / length);
}
