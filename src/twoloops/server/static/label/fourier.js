// Power over time and frequency of one channel.

// Fast Fourier transform in place; the length is a power of two (Cooley and Tukey, 1965).
export function fft(real, imaginary) {
  const n = real.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let size = 2; size <= n; size <<= 1) {
    const angle = (-2 * Math.PI) / size;
    for (let k = 0; k < size / 2; k++) {
      const [c, s] = [Math.cos(angle * k), Math.sin(angle * k)];
      for (let i = k; i < n; i += size) {
        const j = i + size / 2;
        const re = real[j] * c - imaginary[j] * s;
        const im = real[j] * s + imaginary[j] * c;
        [real[j], imaginary[j]] = [real[i] - re, imaginary[i] - im];
        real[i] += re;
        imaginary[i] += im;
      }
    }
  }
}

// About as many frequencies as moments; `null` where a signal is too short for either.
export function windowOf(samples) {
  if (samples < 32) return null;
  return Math.min(1024, 2 ** Math.round(Math.log2(2 * Math.sqrt(samples))));
}

// Power in decibels below the greatest, `frames` columns of `size / 2 + 1` frequencies.
//
// Hann windows around moments that lie evenly over the whole signal; beyond its ends it is
// mirrored. The mean is taken off first: it would outshine everything else.
export function spectrogram(values, most = 400) {
  const n = values.length;
  const size = windowOf(n);
  if (size === null) return null;
  const bins = size / 2 + 1;
  const frames = Math.min(most, n);
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const turn = (2 * Math.PI) / size;
  const hann = Float64Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos(turn * (i + 0.5)));
  const power = new Float64Array(frames * bins);
  const [real, imaginary] = [new Float64Array(size), new Float64Array(size)];
  let greatest = 0;
  for (let f = 0; f < frames; f++) {
    const start = Math.round(((f + 0.5) * n) / frames - size / 2);
    for (let i = 0; i < size; i++) {
      let at = start + i;
      if (at < 0) at = -at;
      if (at >= n) at = 2 * n - 2 - at;
      real[i] = (values[at] - mean) * hann[i];
    }
    imaginary.fill(0);
    fft(real, imaginary);
    for (let b = 0; b < bins; b++) {
      const one = real[b] ** 2 + imaginary[b] ** 2;
      power[f * bins + b] = one;
      if (one > greatest) greatest = one;
    }
  }
  const decibels = Float32Array.from(power, (one) =>
    greatest > 0 ? 10 * Math.log10(Math.max(one / greatest, 1e-12)) : -120,
  );
  return { decibels, frames, bins, size };
}
