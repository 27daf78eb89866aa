// Writing keys and values in the KV's format, and expanding quantized ones for attention. Included once per instruction set,
// after rows.inl. Layouts are in kernels.h; kv_format.h says what codes mean.

static inline bool quantized(KvFormat format) { return format == KvFormat::Q8 || format == KvFormat::Q4; }
static inline int code_bytes(KvFormat format, int n) { return format == KvFormat::Q8 ? n : n / 2; }

// The codes of at most kKvGroup elements, one a byte, and their scale and bias in f16, as MLX's affine quantization has them:
// the end of the range that is farther from 0 lies on a code, and so does 0 where it is inside. Rounded to f16 first.
static void quantize_group(KvFormat format, const float* x, int n, unsigned char* codes, uint16_t* scale_bias) {
  const float most = format == KvFormat::Q8 ? 255 : 15;
  float values[kKvGroup];
  uint16_t halves[kLanes];
  Vec low = set1(__builtin_inff()), high = set1(-__builtin_inff());
  each_run(n, [&](int i, int m) {
    store_f16(halves, get(x + i, m));
    const Vec v = load_f16(halves);
    store(values + i, v);
    low = min(low, keep_range(v, 0, m, low));
    high = max(high, keep_range(v, 0, m, high));
  });
  const float least = -reduce_max(sub(zero(), low)), largest = reduce_max(high);
  const bool from_least = __builtin_fabsf(least) > __builtin_fabsf(largest);
  const float edge = from_least ? least : largest;
  float scale = (largest - least) / most, bias = 0;
  if (scale < 1e-7f) scale = 1e-7f;
  if (!from_least) scale = -scale;
  const float steps = __builtin_rintf(edge / scale);
  if (steps != 0) {
    scale = edge / steps;
    bias = edge;
  }
  each_run(n, [&](int i, int m) {
    const Vec steps_up = div(sub(load(values + i), set1(bias)), set1(scale));
    float rounded[kLanes];
    store(rounded, add(min(max(steps_up, zero()), set1(most)), set1(12582912.0f)));  // the code is in the low mantissa bits
    uint32_t bits[kLanes];
    std::memcpy(bits, rounded, sizeof bits);
    for (int j = 0; j < m; ++j) codes[i + j] = static_cast<unsigned char>(bits[j]);
  });
  const float pair[kLanes] = {scale, bias};
  store_f16(halves, load(pair));
  scale_bias[0] = halves[0];
  scale_bias[1] = halves[1];
}

// Calls body(first element, elements, first code byte) for each group.
template <class Body>
static inline void each_group(KvFormat format, int n, Body body) {
  for (int at = 0; at < n; at += kKvGroup) body(at, n - at < kKvGroup ? n - at : kKvGroup, code_bytes(format, at));
}

static void write_quantized_keys(const float* x, int n, KvFormat format, unsigned char* panel, int lane) {
  uint16_t* factors = reinterpret_cast<uint16_t*>(panel + kLanes * code_bytes(format, n)) + lane;
  each_group(format, n, [&](int at, int m, int row) {
    unsigned char codes[kKvGroup];
    uint16_t scale_bias[2];
    quantize_group(format, x + at, m, codes, scale_bias);
    unsigned char* y = panel + row * kLanes + lane;
    if (format == KvFormat::Q8) {
      for (int j = 0; j < m; ++j) y[j * kLanes] = codes[j];
    } else {
      for (int j = 0; j < m / 2; ++j) y[j * kLanes] = static_cast<unsigned char>(codes[2 * j] | codes[2 * j + 1] << 4);
    }
    factors[0] = scale_bias[0];
    factors[kLanes] = scale_bias[1];
    factors += 2 * kLanes;
  });
}

constexpr int kNibbleRun = 32;  // elements of a q4 value row that share 16 bytes: the first half in the low bits

static void write_quantized_values(const float* x, int n, KvFormat format, unsigned char* row) {
  unsigned char* factors = row + code_bytes(format, n);
  each_group(format, n, [&](int at, int m, int byte) {
    unsigned char codes[kKvGroup];
    uint16_t scale_bias[2];
    quantize_group(format, x + at, m, codes, scale_bias);
    unsigned char* y = row + byte;
    if (format == KvFormat::Q8) {
      std::memcpy(y, codes, static_cast<unsigned>(m));
    } else {
      for (int run = 0; run < m; run += kNibbleRun) {
        const int half = (m - run < kNibbleRun ? m - run : kNibbleRun) / 2;
        for (int j = 0; j < half; ++j) *y++ = static_cast<unsigned char>(codes[run + j] | codes[run + half + j] << 4);
      }
    }
    std::memcpy(factors, scale_bias, sizeof scale_bias);
    factors += sizeof scale_bias;
  });
}

static void write_values(const float* x, int n, KvFormat format, void* row) {
  if (quantized(format)) return write_quantized_values(x, n, format, static_cast<unsigned char*>(row));
  each_run(n, [&](int i, int m) {
    if (format == KvFormat::F32) {
      put(static_cast<float*>(row) + i, get(x + i, m), m);
      return;
    }
    uint16_t lanes[kLanes];
    format == KvFormat::F16 ? store_f16(lanes, get(x + i, m)) : store_bf16(lanes, get(x + i, m));
    for (int j = 0; j < m; ++j) static_cast<uint16_t*>(row)[i + j] = lanes[j];
  });
}

static void write_keys(const float* x, int n, KvFormat format, void* panel, int lane) {
  if (quantized(format)) return write_quantized_keys(x, n, format, static_cast<unsigned char*>(panel), lane);
  each_run(n, [&](int i, int m) {
    uint16_t lanes[kLanes];
    if (format == KvFormat::F16) store_f16(lanes, get(x + i, m));
    if (format == KvFormat::BF16) store_bf16(lanes, get(x + i, m));
    for (int j = 0; j < m; ++j) {
      if (format == KvFormat::F32) {
        static_cast<float*>(panel)[(i + j) * kLanes + lane] = x[i + j];
      } else {
        static_cast<uint16_t*>(panel)[(i + j) * kLanes + lane] = lanes[j];
      }
    }
  });
}

static void expand_keys(const void* keys, int panels, int n, KvFormat format, float* y) {
  const auto* codes = static_cast<const unsigned char*>(keys);
  for (int p = 0; p < panels; ++p) {
    const auto* factors = reinterpret_cast<const uint16_t*>(codes + kLanes * code_bytes(format, n));
    each_group(format, n, [&](int, int m, int) {
      const Vec scale = load_f16(factors), bias = load_f16(factors + kLanes);
      factors += 2 * kLanes;
      if (format == KvFormat::Q8) {
        for (int j = 0; j < m; ++j, codes += kLanes, y += kLanes) store(y, fma(load_u8(codes), scale, bias));
      } else {
        for (int j = 0; j < m; j += 2, codes += kLanes, y += 2 * kLanes) {
          store(y, fma(load_low4(codes), scale, bias));
          store(y + kLanes, fma(load_high4(codes), scale, bias));
        }
      }
    });
    codes = reinterpret_cast<const unsigned char*>(factors);
  }
}

// One group of a value row; a last run that is not whole is read from a copy, so that nothing behind the row is touched.
static inline void expand_group(KvFormat format, const unsigned char* codes, int n, Vec scale, Vec bias, float* y) {
  const int run = format == KvFormat::Q8 ? kLanes : kNibbleRun;
  for (; n > 0; n -= run, y += run, codes += kLanes) {
    unsigned char rest[kLanes];
    const unsigned char* p = codes;
    if (n < run) {
      std::memcpy(rest, codes, static_cast<unsigned>(code_bytes(format, n)));
      p = rest;
    }
    const int m = n < run ? n : run;
    if (format == KvFormat::Q8) {
      put(y, fma(load_u8(p), scale, bias), m);
    } else {
      put(y, fma(load_low4(p), scale, bias), m / 2);
      put(y + m / 2, fma(load_high4(p), scale, bias), m / 2);
    }
  }
}

static void expand_values(const void* values, int rows, int n, KvFormat format, float* y, ptrdiff_t stride) {
  constexpr int kRows = kLanes / 2;  // whose scales and biases are converted together
  const ptrdiff_t codes = code_bytes(format, n), row_bytes = codes + 4 * ((n + kKvGroup - 1) / kKvGroup);
  for (int first = 0; first < rows; first += kRows, y += kRows * stride) {
    const int count = rows - first < kRows ? rows - first : kRows;
    const unsigned char* row = static_cast<const unsigned char*>(values) + first * row_bytes;
    each_group(format, n, [&](int at, int m, int byte) {
      uint16_t halves[kLanes] = {};
      for (int r = 0; r < count; ++r) std::memcpy(halves + 2 * r, row + r * row_bytes + codes + at / kKvGroup * 4, 4);
      float factors[kLanes];
      store(factors, load_f16(halves));
      for (int r = 0; r < count; ++r) {
        expand_group(format, row + r * row_bytes + byte, m, set1(factors[2 * r]), set1(factors[2 * r + 1]), y + r * stride + at);
      }
    });
  }
}
