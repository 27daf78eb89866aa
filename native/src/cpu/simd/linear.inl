// Linear layers on panels. Included once per instruction set, inside its namespace, after its vec_*.h.
// A weight is dequantized first, w = fma(q, scale, bias), then joins its output's chain, acc = fma(w, x, acc).

// A format: how a record's header and words become weights. `Header` lives in registers while a group is read.
struct Q4 {
  static constexpr int kPerWord = 8, kWordBytes = 64;
  using Word = Words;
  struct Header {
    Vec scale, bias;
  };
  static inline int bytes(ScaleKind kind) { return 2 * kLanes * scale_bytes(kind); }
  static inline Header read(ScaleKind kind, const unsigned char* p) {
    return {load_scales(kind, p), load_scales(kind, p + kLanes * scale_bytes(kind))};
  }
  static inline Word word(const unsigned char* p) { return load_words(p); }
  static inline Vec value(Word w, int j, const Header& h) { return fma(nibble(w, j), h.scale, h.bias); }
};
struct Q8 {
  static constexpr int kPerWord = 8, kWordBytes = 128;
  struct Word {
    Words even, odd;
  };
  struct Header {
    Vec scale, bias;
  };
  static inline int bytes(ScaleKind kind) { return 2 * kLanes * scale_bytes(kind); }
  static inline Header read(ScaleKind kind, const unsigned char* p) {
    return {load_scales(kind, p), load_scales(kind, p + kLanes * scale_bytes(kind))};
  }
  static inline Word word(const unsigned char* p) { return {load_words(p), load_words(p + 64)}; }
  static inline Vec value(Word w, int j, const Header& h) { return fma(byte_of(j % 2 == 0 ? w.even : w.odd, j / 2), h.scale, h.bias); }
};
struct Mxfp4 {
  static constexpr int kPerWord = 8, kWordBytes = 64;
  using Word = Words;
  using Header = Vec;  // the scale
  static inline int bytes(ScaleKind kind) { return kLanes * scale_bytes(kind); }
  static inline Header read(ScaleKind kind, const unsigned char* p) { return load_scales(kind, p); }
  static inline Word word(const unsigned char* p) { return load_words(p); }
  static inline Vec value(Word w, int j, const Header& scale) { return mul(fp4(w, j), scale); }
};
struct Dense {
  static constexpr int kPerWord = 1;
  using Word = Vec;
  struct Header {};
  static inline int bytes(ScaleKind) { return 0; }
  static inline Header read(ScaleKind, const unsigned char*) { return {}; }
  static inline Vec value(Word w, int, const Header&) { return w; }
};
struct F32 : Dense {
  static constexpr int kWordBytes = 64;
  using Element = float;
  static inline Word word(const unsigned char* p) { return load(reinterpret_cast<const float*>(p)); }
};
struct F16 : Dense {
  static constexpr int kWordBytes = 32;
  using Element = uint16_t;
  static inline Word word(const unsigned char* p) { return load_f16(reinterpret_cast<const uint16_t*>(p)); }
};
struct BF16 : Dense {
  static constexpr int kWordBytes = 32;
  using Element = uint16_t;
  static inline Word word(const unsigned char* p) { return load_bf16(reinterpret_cast<const uint16_t*>(p)); }
};

// M rows against P panels at once, weights straight from memory: decode.
template <class F, int M, int P>
static void gemv_tile(const PanelMatrix& w, const unsigned char* data, const float* const* x, float* out, ptrdiff_t out_stride) {
  constexpr ptrdiff_t kAhead = 1024;  // bytes prefetched ahead of each panel's stream
  Vec acc[M][P];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) acc[m][p] = zero();
  }
  const float* xs[M];
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) xs[m] = x[m];
  const ptrdiff_t panel_bytes = static_cast<ptrdiff_t>(w.panel_bytes);
  const int header_bytes = F::bytes(w.scale_kind), words = w.group / F::kPerWord;
  ptrdiff_t k = 0;
  for (int g = 0; g < w.groups; ++g) {
    typename F::Header h[P];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) h[p] = F::read(w.scale_kind, data + p * panel_bytes);
    data += header_bytes;
    // Near the end of a panel the next bytes wanted are those of the next run of P panels.
    const ptrdiff_t ahead = g + 2 < w.groups ? kAhead : kAhead + (P - 1) * panel_bytes;
    for (int i = 0; i < words; ++i) {
      typename F::Word word[P];
#pragma GCC unroll 4
      for (int p = 0; p < P; ++p) {
        word[p] = F::word(data + p * panel_bytes);
        for (int line = 0; line < F::kWordBytes; line += 64) prefetch(data + p * panel_bytes + ahead + line);
      }
#pragma GCC unroll 8
      for (int j = 0; j < F::kPerWord; ++j) {
        Vec v[P];
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) v[p] = F::value(word[p], j, h[p]);
#pragma GCC unroll 8
        for (int m = 0; m < M; ++m) {
          const Vec xv = set1(xs[m][k + j]);
#pragma GCC unroll 4
          for (int p = 0; p < P; ++p) acc[m][p] = fma(v[p], xv, acc[m][p]);
        }
      }
      k += F::kPerWord;
      data += F::kWordBytes;
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) store(out + m * out_stride + p * kLanes, acc[m][p]);
  }
}

template <class F, int M>
static void gemv_rows(const PanelMatrix& w, int panel, int panels, const float* const* x, float* out, ptrdiff_t out_stride) {
  constexpr int kMost = gemv_panels(M);
  const unsigned char* data = w.data + static_cast<size_t>(panel) * w.panel_bytes;
  while (panels > 0) {
    int done;
    if (kMost >= 4 && panels >= 4) {
      gemv_tile<F, M, kMost >= 4 ? 4 : 1>(w, data, x, out, out_stride);
      done = 4;
    } else if (kMost >= 4 && panels == 3) {
      gemv_tile<F, M, kMost >= 4 ? 3 : 1>(w, data, x, out, out_stride);
      done = 3;
    } else if (kMost >= 2 && panels >= 2) {
      gemv_tile<F, M, kMost >= 2 ? 2 : 1>(w, data, x, out, out_stride);
      done = 2;
    } else {
      gemv_tile<F, M, 1>(w, data, x, out, out_stride);
      done = 1;
    }
    panels -= done;
    data += static_cast<size_t>(done) * w.panel_bytes;
    out += done * kLanes;
  }
}

template <class F>
static void gemv_format(const PanelMatrix& w, int panel, int panels, const float* const* x, int rows, float* out, ptrdiff_t stride) {
  switch (rows) {
    case 1: return gemv_rows<F, 1>(w, panel, panels, x, out, stride);
    case 2: return gemv_rows<F, 2>(w, panel, panels, x, out, stride);
    case 3: return gemv_rows<F, 3>(w, panel, panels, x, out, stride);
    case 4: return gemv_rows<F, 4>(w, panel, panels, x, out, stride);
    case 5: return gemv_rows<F, 5>(w, panel, panels, x, out, stride);
    case 6: return gemv_rows<F, 6>(w, panel, panels, x, out, stride);
    case 7: return gemv_rows<F, 7>(w, panel, panels, x, out, stride);
    default: return gemv_rows<F, 8>(w, panel, panels, x, out, stride);
  }
}

static void gemv(const PanelMatrix& w, int panel, int panels, const float* const* x, int rows, float* out, ptrdiff_t stride) {
  switch (w.kind) {
    case PanelKind::Q4: return gemv_format<Q4>(w, panel, panels, x, rows, out, stride);
    case PanelKind::Q8: return gemv_format<Q8>(w, panel, panels, x, rows, out, stride);
    case PanelKind::Mxfp4: return gemv_format<Mxfp4>(w, panel, panels, x, rows, out, stride);
    case PanelKind::F16: return gemv_format<F16>(w, panel, panels, x, rows, out, stride);
    case PanelKind::BF16: return gemv_format<BF16>(w, panel, panels, x, rows, out, stride);
    case PanelKind::F32: return gemv_format<F32>(w, panel, panels, x, rows, out, stride);
  }
}

// What a product of row tiles reads and writes: out (+)= x w, with w[k][n] at w + k * k_stride + n * n_stride.
template <class F>
struct Product {
  const float* const* x;
  ptrdiff_t x0, inputs;  // x[row][x0 .. x0 + inputs)
  const typename F::Element* w;
  ptrdiff_t k_stride, n_stride;
  float* out;
  ptrdiff_t out_stride;
  bool accumulate;
};

// M rows x N vectors in registers over k.
template <class F, int M, int N>
static void tile(const Product<F>& p, const typename F::Element* w, float* out) {
  Vec acc[M][N];
  const float* xs[M];
  const ptrdiff_t k_stride = p.k_stride, n_stride = p.n_stride, out_stride = p.out_stride;
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
    xs[m] = p.x[m] + p.x0;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) acc[m][n] = p.accumulate ? load(out + m * out_stride + n * kLanes) : zero();
  }
  for (ptrdiff_t k = 0; k < p.inputs; ++k) {
    Vec v[N];
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) v[n] = F::word(reinterpret_cast<const unsigned char*>(w + n * n_stride));
    w += k_stride;
#pragma GCC unroll 8
    for (int m = 0; m < M; ++m) {
      const Vec xv = set1(xs[m][k]);
#pragma GCC unroll 4
      for (int n = 0; n < N; ++n) acc[m][n] = fma(v[n], xv, acc[m][n]);
    }
  }
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) store(out + m * out_stride + n * kLanes, acc[m][n]);
  }
}

template <class F, int M>
static void tile_panels(int n, const Product<F>& p) {
  constexpr int kMost = kTilePanels;
  const typename F::Element* w = p.w;
  float* out = p.out;
  while (n > 0) {
    int done;
    if (kMost >= 4 && n >= 4) {
      tile<F, M, kMost >= 4 ? 4 : 1>(p, w, out);
      done = 4;
    } else if (kMost >= 2 && n >= 2) {
      tile<F, M, kMost >= 2 ? 2 : 1>(p, w, out);
      done = 2;
    } else {
      tile<F, M, 1>(p, w, out);
      done = 1;
    }
    n -= done;
    w += done * p.n_stride;
    out += done * kLanes;
  }
}

// Any number of rows against n vectors.
template <class F>
static void tile_rows(int rows, int n, Product<F> p) {
  while (rows >= kTileRows) {
    tile_panels<F, kTileRows>(n, p);
    p.x += kTileRows;
    p.out += kTileRows * p.out_stride;
    rows -= kTileRows;
  }
  switch (rows) {
    case 5: return tile_panels<F, 5>(n, p);
    case 4: return tile_panels<F, 4>(n, p);
    case 3: return tile_panels<F, 3>(n, p);
    case 2: return tile_panels<F, 2>(n, p);
    case 1: return tile_panels<F, 1>(n, p);
    default: return;
  }
}

// Groups [first, first + groups) of one panel as f32 into y[k * y_stride].
template <class F>
static void dequantize(const PanelMatrix& w, const unsigned char* panel, int first, int groups, float* y, ptrdiff_t y_stride) {
  const unsigned char* data = panel + static_cast<size_t>(first) * w.record_bytes;
  const int header_bytes = F::bytes(w.scale_kind), words = w.group / F::kPerWord;
  for (int g = 0; g < groups; ++g) {
    const typename F::Header h = F::read(w.scale_kind, data);
    data += header_bytes;
    for (int i = 0; i < words; ++i) {
      const typename F::Word word = F::word(data);
      data += F::kWordBytes;
#pragma GCC unroll 8
      for (int j = 0; j < F::kPerWord; ++j, y += y_stride) store(y, F::value(word, j, h));
    }
  }
}

template <class F>
static void gemm_quantized(const PanelMatrix& w, int panel, int panels, const float* const* x, int rows, float* out,
                           ptrdiff_t stride, float* scratch) {
  const unsigned char* data = w.data + static_cast<size_t>(panel) * w.panel_bytes;
  const int at_once = w.group >= kDequantInputs ? 1 : kDequantInputs / w.group;
  const ptrdiff_t k_stride = panels * kLanes;
  for (int g = 0; g < w.groups; g += at_once) {
    const int groups = w.groups - g < at_once ? w.groups - g : at_once;
    for (int p = 0; p < panels; ++p) dequantize<F>(w, data + p * w.panel_bytes, g, groups, scratch + p * kLanes, k_stride);
    tile_rows<F32>(rows, panels, {x, static_cast<ptrdiff_t>(g) * w.group, static_cast<ptrdiff_t>(groups) * w.group, scratch,
                                  k_stride, kLanes, out, stride, g > 0});
  }
}

template <class F>
static void gemm_dense(const PanelMatrix& w, int panel, int panels, const float* const* x, int rows, float* out, ptrdiff_t stride) {
  using Element = typename F::Element;
  const auto* data = reinterpret_cast<const Element*>(w.data + static_cast<size_t>(panel) * w.panel_bytes);
  const auto panel_stride = static_cast<ptrdiff_t>(w.panel_bytes / sizeof(Element));
  for (int k = 0; k < w.in; k += kDequantInputs) {
    const int inputs = w.in - k < kDequantInputs ? w.in - k : kDequantInputs;
    tile_rows<F>(rows, panels, {x, k, inputs, data + static_cast<ptrdiff_t>(k) * kLanes, kLanes, panel_stride, out, stride, k > 0});
  }
}

static void gemm(const PanelMatrix& w, int panel, int panels, const float* const* x, int rows, float* out, ptrdiff_t stride,
                 float* scratch) {
  switch (w.kind) {
    case PanelKind::Q4: return gemm_quantized<Q4>(w, panel, panels, x, rows, out, stride, scratch);
    case PanelKind::Q8: return gemm_quantized<Q8>(w, panel, panels, x, rows, out, stride, scratch);
    case PanelKind::Mxfp4: return gemm_quantized<Mxfp4>(w, panel, panels, x, rows, out, stride, scratch);
    case PanelKind::F16: return gemm_dense<F16>(w, panel, panels, x, rows, out, stride);
    case PanelKind::BF16: return gemm_dense<BF16>(w, panel, panels, x, rows, out, stride);
    case PanelKind::F32: return gemm_dense<F32>(w, panel, panels, x, rows, out, stride);
  }
}

template <class F>
static void embed_format(const PanelMatrix& w, int row, float scale, float* y) {
  const unsigned char* data = w.data + static_cast<size_t>(row / kLanes) * w.panel_bytes;
  const int header_bytes = F::bytes(w.scale_kind), words = w.group / F::kPerWord;
  float lanes[kLanes];
  for (int g = 0; g < w.groups; ++g) {
    const typename F::Header h = F::read(w.scale_kind, data);
    data += header_bytes;
    for (int i = 0; i < words; ++i, data += F::kWordBytes) {
      for (int j = 0; j < F::kPerWord; ++j) {
        store(lanes, F::value(F::word(data), j, h));
        *y++ = lanes[row % kLanes] * scale;
      }
    }
  }
}

static void embed(const PanelMatrix& w, int row, float scale, float* y) {
  switch (w.kind) {
    case PanelKind::Q4: return embed_format<Q4>(w, row, scale, y);
    case PanelKind::Q8: return embed_format<Q8>(w, row, scale, y);
    case PanelKind::Mxfp4: return embed_format<Mxfp4>(w, row, scale, y);
    case PanelKind::F16: return embed_format<F16>(w, row, scale, y);
    case PanelKind::BF16: return embed_format<BF16>(w, row, scale, y);
    case PanelKind::F32: return embed_format<F32>(w, row, scale, y);
  }
}
