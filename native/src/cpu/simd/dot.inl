// Linear layers on int8 activations (quantized_row.h). Included once per instruction set, inside its namespace, after its vec_*.h.
// Sums of products of codes are exact integers. An output is one chain in the order of the records,
//   acc = fma(scale_w, sum * scale_x, acc), then acc = fma(bias_w, scale_x * sum_x, acc),
// the same for one row and for many, and on every instruction set that fuses.

// A format: how 8 inputs of a panel become codes, and what a group's header says of them.
struct DotQ4 {
  static constexpr int kBytes = 64, kCode = 0;  // of 8 inputs; what a code is above its value
  static constexpr bool kWide = false, kBias = true;
  static inline int header_bytes(ScaleKind kind) { return 2 * kLanes * scale_bytes(kind); }
  static inline void codes(const unsigned char* p, Words* even, Words* odd) {
    const Words w = load_words(p);
    *even = low_nibbles(w);
    *odd = high_nibbles(w);
  }
  static inline Vec scale(ScaleKind kind, const unsigned char* p) { return load_scales(kind, p); }
};
struct DotQ8 {
  static constexpr int kBytes = 128, kCode = kQ8Code;
  static constexpr bool kWide = true, kBias = true;
  static inline int header_bytes(ScaleKind kind) { return 2 * kLanes * scale_bytes(kind); }
  static inline void codes(const unsigned char* p, Words* even, Words* odd) {
    *even = q8_codes(load_words(p));
    *odd = q8_codes(load_words(p + 64));
  }
  static inline Vec scale(ScaleKind kind, const unsigned char* p) { return load_scales(kind, p); }
};
struct DotMxfp4 {
  static constexpr int kBytes = 64, kCode = kFp4Code;
  static constexpr bool kWide = false, kBias = false;
  static inline int header_bytes(ScaleKind kind) { return kLanes * scale_bytes(kind); }
  static inline void codes(const unsigned char* p, Words* even, Words* odd) {
    const Words w = load_words(p);
    *even = fp4_codes(low_nibbles(w));
    *odd = fp4_codes(high_nibbles(w));
  }
  static inline Vec scale(ScaleKind kind, const unsigned char* p) { return mul(load_scales(kind, p), set1(0.5f)); }  // codes are doubled
};

// Bytes fetched ahead of each panel's stream. One or two rows wait for memory, and the second-level cache has more requests on their way
// than the first; more rows have the time, and want their weights near, but memory takes longer than the way from there to here.
template <int M>
inline constexpr ptrdiff_t kNear = M <= 2 ? 0 : 2048;
template <int M>
inline constexpr ptrdiff_t kFar = M <= 2 ? 2048 : 8192;

// How far away the bytes are that the stream of a panel wants so many bytes later: behind a panel comes the one P further on.
template <int P>
static inline ptrdiff_t stream_distance(ptrdiff_t at, ptrdiff_t bytes, ptrdiff_t panel_bytes) {
  return P == 1 ? bytes : bytes + (at + bytes) / panel_bytes * (P - 1) * panel_bytes;
}

// Adds the products of one plane of a record, and fetches so many bytes ahead into the first and second cache; 0 = not.
template <class F, int M, int P, class Codes>
static inline void dot_plane(const unsigned char* data, ptrdiff_t panel_bytes, ptrdiff_t near, ptrdiff_t far, Codes codes, Ints (&sum)[M][P]) {
#pragma GCC unroll 4
  for (int i = 0; i < kQuantInputs / 8; ++i) {
    Words even[P], odd[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
      const unsigned char* at = data + p * panel_bytes + i * F::kBytes;
      F::codes(at, &even[p], &odd[p]);
      for (int line = 0; line < F::kBytes; line += 64) {
        if (near != 0) prefetch(at + line + near);
        if (far != 0) prefetch_far(at + line + far);
      }
    }
#pragma GCC unroll 16
    for (int m = 0; m < M; ++m) {
      const int8_t* x = codes(m) + i * 8;
      const Quad x_even = quad(x), x_odd = quad(x + 4);
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) sum[m][p] = dot<F::kWide>(sum[m][p], even[p], x_even, odd[p], x_odd);
    }
  }
}

// Adds the products of the low plane: of all rows where most are fine, else of those alone, which unpacks the weights for each.
template <class F, int M, int P, class Record>
static inline void dot_low_plane(const unsigned char* data, ptrdiff_t panel_bytes, int fine, Record record, Ints (&sum)[M][P]) {
  if (M == 1 || 2 * fine > M) return dot_plane<F, M, P>(data, panel_bytes, 0, 0, [&](int m) { return record(m)->low; }, sum);
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
    if (record(m)->fine == 0) continue;
    Ints row[1][P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) row[0][p] = sum[m][p];
    dot_plane<F, 1, P>(data, panel_bytes, 0, 0, [&](int) { return record(m)->low; }, row);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) sum[m][p] = row[0][p];
  }
}

// M rows against P panels.
template <class F, int M, int P>
static void dot_tile(const PanelMatrix& w, const unsigned char* data, const unsigned char* x, ptrdiff_t x_stride, float* out,
                     ptrdiff_t out_stride) {
  Vec acc[M][P];
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) acc[m][p] = zero();
  }
  // Every third row has a pointer: the others are reached from it.
  const unsigned char* xs[(M + 2) / 3];
#pragma GCC unroll 16
  for (int m = 0; m < M; m += 3) xs[m / 3] = x + m * x_stride;
  const auto record = [&](int m) { return reinterpret_cast<const QuantRecord*>(xs[m / 3] + m % 3 * x_stride); };
  const ptrdiff_t panel_bytes = static_cast<ptrdiff_t>(w.panel_bytes);
  const int header_bytes = F::header_bytes(w.scale_kind), records = w.group / kQuantInputs;
  for (int g = 0; g < w.groups; ++g) {
    const unsigned char* header = data;
    data += header_bytes;
    const ptrdiff_t at = static_cast<ptrdiff_t>(w.record_bytes) * g;
    const ptrdiff_t near = kNear<M> == 0 ? 0 : stream_distance<P>(at, kNear<M>, panel_bytes);
    const ptrdiff_t far = stream_distance<P>(at, kFar<M>, panel_bytes);
    for (int r = 0; r < records; ++r) {
      int fine = 0;
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) fine += record(m)->fine;
      Ints sum[M][P];
#pragma GCC unroll 16
      for (int m = 0; m < M; ++m) {
        const Ints start = all_ints(F::kCode == 0 || fine != 0 ? 0 : -F::kCode * (record(m)->sum / 256));
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) sum[m][p] = start;
      }
      dot_plane<F, M, P>(data, panel_bytes, near, far, [&](int m) { return record(m)->high; }, sum);
      if (fine != 0) {
#pragma GCC unroll 16
        for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
          for (int p = 0; p < P; ++p) sum[m][p] = shift_left8(sum[m][p], F::kCode == 0 ? 0 : -F::kCode * record(m)->sum);
        }
        dot_low_plane<F, M, P>(data, panel_bytes, fine, record, sum);
      }
      data += kQuantInputs / 8 * F::kBytes;
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        const Vec scale = F::scale(w.scale_kind, header + p * panel_bytes);
#pragma GCC unroll 16
        for (int m = 0; m < M; ++m) {
          const float* x_scale = fine != 0 ? &record(m)->scale : &record(m)->coarse_scale;
          acc[m][p] = fma(scale, mul(to_floats(sum[m][p]), set1(*x_scale)), acc[m][p]);
        }
        if constexpr (F::kBias) {
          const Vec bias = load_scales(w.scale_kind, header + p * panel_bytes + kLanes * scale_bytes(w.scale_kind));
#pragma GCC unroll 16
          for (int m = 0; m < M; ++m) acc[m][p] = fma(bias, set1(record(m)->scaled_sum), acc[m][p]);
        }
      }
#pragma GCC unroll 16
      for (int m = 0; m < M; m += 3) xs[m / 3] += sizeof(QuantRecord);
    }
  }
#pragma GCC unroll 16
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) store(out + m * out_stride + p * kLanes, acc[m][p]);
  }
}

// M rows, of at most kDotRows, against any number of panels.
template <class F, int M>
static void dot_rows(const PanelMatrix& w, const unsigned char* data, int panels, const unsigned char* x, ptrdiff_t x_stride, float* out,
                     ptrdiff_t out_stride) {
  if constexpr (M <= kDotRows) {
    constexpr int kMost = dot_panels(M);
    while (panels > 0) {
      int done;
      if (kMost >= 4 && panels >= 4) {
        dot_tile<F, M, kMost >= 4 ? 4 : 1>(w, data, x, x_stride, out, out_stride);
        done = 4;
      } else if (kMost >= 3 && panels >= 3) {
        dot_tile<F, M, kMost >= 3 ? 3 : 1>(w, data, x, x_stride, out, out_stride);
        done = 3;
      } else if (kMost >= 2 && panels >= 2) {
        dot_tile<F, M, kMost >= 2 ? 2 : 1>(w, data, x, x_stride, out, out_stride);
        done = 2;
      } else {
        dot_tile<F, M, 1>(w, data, x, x_stride, out, out_stride);
        done = 1;
      }
      panels -= done;
      data += static_cast<size_t>(done) * w.panel_bytes;
      out += done * kLanes;
    }
  }
}

template <class F>
static void dot_format(const PanelMatrix& w, int panel, int panels, const unsigned char* x, ptrdiff_t x_stride, int rows, float* out,
                       ptrdiff_t out_stride) {
  const unsigned char* data = w.data + static_cast<size_t>(panel) * w.panel_bytes;
  const auto take = [&](auto run, int count) {
    run(w, data, panels, x, x_stride, out, out_stride);
    x += count * x_stride;
    out += count * out_stride;
    rows -= count;
  };
  while (rows > 0) {
    const int most = rows < kDotRows ? rows : kDotRows;
    if (most >= 8) {
      take(dot_rows<F, 8>, 8);
    } else if (most >= 6) {
      take(dot_rows<F, 6>, 6);
    } else if (most >= 4) {
      take(dot_rows<F, 4>, 4);
    } else if (most == 3) {
      take(dot_rows<F, 3>, 3);
    } else if (most == 2) {
      take(dot_rows<F, 2>, 2);
    } else {
      take(dot_rows<F, 1>, 1);
    }
  }
}

static void dot_product(const PanelMatrix& w, int panel, int panels, const unsigned char* x, ptrdiff_t x_stride, int rows, float* out,
                        ptrdiff_t out_stride) {
  switch (w.kind) {
    case PanelKind::Q4: return dot_format<DotQ4>(w, panel, panels, x, x_stride, rows, out, out_stride);
    case PanelKind::Q8: return dot_format<DotQ8>(w, panel, panels, x, x_stride, rows, out, out_stride);
    case PanelKind::Mxfp4: return dot_format<DotMxfp4>(w, panel, panels, x, x_stride, rows, out, out_stride);
    default: return;  // has_codes() is false
  }
}

static void quantize_row(const float* x, int n, float fine_above, unsigned char* y) {
  const Vec magic = set1(12582912.0f);  // 1.5 * 2^23: a sum with it has the rounded integer in its low bits
  const auto magnitude = [](Vec v) { return max(v, sub(zero(), v)); };
  Vec squares = zero();
  for (int k = 0; k < n; k += kLanes) squares = fma(load(x + k), load(x + k), squares);
  const float limit = fine_above * __builtin_sqrtf(reduce_add(squares) / static_cast<float>(n));
  for (int k = 0; k < n; k += kQuantInputs, y += sizeof(QuantRecord)) {
    auto* record = reinterpret_cast<QuantRecord*>(y);
    const Vec a = load(x + k), b = load(x + k + kLanes);
    const float largest = reduce_max(max(magnitude(a), magnitude(b)));
    const bool some = largest > 0x1p-100f;  // smaller ones are taken for 0, so that the factor is finite
    const bool fine = largest > limit;
    const float top = fine ? 32512.0f : 127.0f;
    const Vec factor = set1(some ? top / largest : 0);
    const Vec at = add(mul(a, factor), magic), bt = add(mul(b, factor), magic);
    store_codes(record->high, at, fine);
    store_codes(record->high + kLanes, bt, fine);
    store_codes(record->low, fine ? at : magic, false);
    store_codes(record->low + kLanes, fine ? bt : magic, false);
    const float sum = reduce_add(add(sub(at, magic), sub(bt, magic)));  // exact: integers below 2^24
    const float step = some ? largest / top : 0;
    record->coarse_scale = fine ? step * 256 : step;
    record->scale = fine ? step : step / 256;
    record->scaled_sum = step * sum;
    record->sum = static_cast<int32_t>(sum) * (fine ? 1 : 256);
    record->fine = fine;
  }
}
