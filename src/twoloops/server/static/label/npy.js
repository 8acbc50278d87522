// Read the bytes of a .npy file of two dimensions (NumPy enhancement proposal 1): float32 rows.

const READERS = {
  "<f4": [Float32Array, 4],
  "<f8": [Float64Array, 8],
};

export function parse(buffer) {
  const bytes = new Uint8Array(buffer);
  const magic = String.fromCharCode(...bytes.subarray(1, 6));
  if (bytes[0] !== 0x93 || magic !== "NUMPY") throw new Error("this is no .npy file");
  const view = new DataView(buffer);
  const long = bytes[6] > 1;
  const start = long ? 12 : 10;
  const end = start + (long ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = new TextDecoder("latin1").decode(bytes.subarray(start, end));
  const kind = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const turned = /'fortran_order':\s*True/.test(header);
  const sizes = (shape ?? "").split(",").filter((part) => part.trim()).map(Number);
  if (!(kind in READERS) || sizes.length !== 2) {
    throw new Error(`the signal is ${kind} (${shape}): float32 (channels, samples) is shown`);
  }
  const [Kind, width] = READERS[kind];
  const [channels, samples] = sizes;
  // The values need not lie where an array of their width may begin: hence the copy.
  const values = new Kind(buffer.slice(end, end + channels * samples * width));
  return Array.from({ length: channels }, (_, c) =>
    turned
      ? Float32Array.from({ length: samples }, (_, s) => values[s * channels + c])
      : Float32Array.from(values.subarray(c * samples, (c + 1) * samples)),
  );
}
