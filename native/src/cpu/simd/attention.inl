// Attention of some query rows over one block of keys, and the merging of blocks. Included once per instruction set.

static_assert(kTileRows <= kScoredRows);

// out = x w over k, with w[k][n] at w + k * k_stride + n * n_stride.
template <class F>
struct AttendProduct {
  const float* const* x;
  ptrdiff_t x0, inputs;  // x[row][x0 .. x0 + inputs)
  const typename F::Element* w;
  ptrdiff_t k_stride, n_stride;
  float* out;
  ptrdiff_t out_stride;
  const unsigned char* ahead;  // what is read next: fetched meanwhile, as many bytes as of w
};

// M rows x N vectors in registers over k.
template <class F, int M, int N>
static inline void attend_tile(const AttendProduct<F>& p, const typename F::Element* w, float* out, const unsigned char* ahead) {
  constexpr ptrdiff_t kBytes = N * kLanes * sizeof(typename F::Element), kLine = 64;
  Vec acc[M][N];
  const float* xs[M];
  const ptrdiff_t k_stride = p.k_stride, n_stride = p.n_stride, out_stride = p.out_stride;
#pragma GCC unroll 8
  for (int m = 0; m < M; ++m) {
    xs[m] = p.x[m] + p.x0;
#pragma GCC unroll 4
    for (int n = 0; n < N; ++n) acc[m][n] = zero();
  }
  for (ptrdiff_t k = 0; k < p.inputs; ++k) {
#pragma GCC unroll 4
    for (ptrdiff_t line = 0; line < kBytes; line += kLine) prefetch_far(ahead + line);
    ahead += kBytes;
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

// M rows against n vectors.
template <class F, int M>
static inline void attend_product(int n, const AttendProduct<F>& p) {
  constexpr int kMost = kTilePanels;
  const typename F::Element* w = p.w;
  const unsigned char* ahead = p.ahead;
  float* out = p.out;
  while (n > 0) {
    int done;
    if (kMost >= 4 && n >= 4) {
      attend_tile<F, M, kMost >= 4 ? 4 : 1>(p, w, out, ahead);
      done = 4;
    } else if (kMost >= 2 && n >= 2) {
      attend_tile<F, M, kMost >= 2 ? 2 : 1>(p, w, out, ahead);
      done = 2;
    } else {
      attend_tile<F, M, 1>(p, w, out, ahead);
      done = 1;
    }
    n -= done;
    w += done * p.n_stride;
    out += done * kLanes;
    ahead += done * p.inputs * static_cast<ptrdiff_t>(kLanes * sizeof(*w));
  }
}

// Scores [first, end) of a row become weights, in place: e^(score - largest), 0 outside [lo, hi).
static inline void weigh_row(float* scores, int first, int end, int lo, int hi, float softcap, float* largest, float* total) {
  if (softcap != 0) {
    for (int k = first; k < end; k += kLanes) store(scores + k, capped(load(scores + k), softcap));
  }
  const Vec minus_infinity = set1(-__builtin_inff());
  if (lo > first || hi < end) {
    for (int k = first; k < end; k += kLanes) store(scores + k, keep_range(load(scores + k), lo - k, hi - k, minus_infinity));
  }
  Vec top = minus_infinity;
  for (int k = first; k < end; k += kLanes) top = max(top, load(scores + k));
  *largest = reduce_max(top);
  Vec sum = zero();
  const Vec shift = set1(lo < hi ? *largest : 0);  // a row that sees nothing: exp(-inf) = 0 throughout
  for (int k = first; k < end; k += kLanes) {
    const Vec p = exp(sub(load(scores + k), shift));
    store(scores + k, p);
    sum = add(sum, p);
  }
  *total = reduce_add(sum);
}

// M rows from `row` on: few enough that their scores stay in the cache beside the block.
template <class F, int M>
static void attend_rows(const AttendBlock& b, int row) {
  using Element = typename F::Element;
  const int *lo = b.lo + row, *hi = b.hi + row;
  int lowest = kAttendKeys, highest = 0;  // keys that any of the rows sees
  for (int m = 0; m < M; ++m) {
    if (lo[m] >= hi[m]) continue;
    lowest = lo[m] < lowest ? lo[m] : lowest;
    highest = hi[m] > highest ? hi[m] : highest;
  }
  if (lowest >= highest) {
    for (int m = 0; m < M; ++m) {
      b.max[row + m] = -__builtin_inff();
      b.sum[row + m] = 0;
    }
    return;
  }
  const int first_panel = lowest / kLanes, panels = (highest + kLanes - 1) / kLanes - first_panel, first = first_panel * kLanes;
  const ptrdiff_t panel_stride = static_cast<ptrdiff_t>(b.head_dim) * kLanes;
  const auto* keys = static_cast<const Element*>(b.keys) + first_panel * panel_stride;
  const auto* values = static_cast<const Element*>(b.values) + static_cast<ptrdiff_t>(lowest) * b.value_stride;
  const bool last = row + M == b.rows;
  attend_product<F, M>(panels, {b.queries + row, 0, b.head_dim, keys, kLanes, panel_stride, b.scores + first, kAttendKeys,
                                reinterpret_cast<const unsigned char*>(values)});
  const float* weights[M];
  for (int m = 0; m < M; ++m) {
    float* scores = b.scores + static_cast<ptrdiff_t>(m) * kAttendKeys;
    weights[m] = scores;
    weigh_row(scores, first, first + panels * kLanes, lo[m], hi[m], b.softcap, b.max + row + m, b.sum + row + m);
  }
  // Keys that a row does not see have weight 0 and leave its chains as they are.
  attend_product<F, M>(b.value_stride / kLanes,
                       {weights, lowest, highest - lowest, values, b.value_stride, kLanes, b.out + static_cast<ptrdiff_t>(row) * b.value_stride,
                        b.value_stride, static_cast<const unsigned char*>(last ? b.next : b.values)});
}

template <class F>
static void attend_format(const AttendBlock& b) {
  int row = 0;
  for (; row + kTileRows <= b.rows; row += kTileRows) attend_rows<F, kTileRows>(b, row);
  switch (b.rows - row) {
    case 5: return attend_rows<F, 5>(b, row);
    case 4: return attend_rows<F, 4>(b, row);
    case 3: return attend_rows<F, 3>(b, row);
    case 2: return attend_rows<F, 2>(b, row);
    case 1: return attend_rows<F, 1>(b, row);
    default: return;
  }
}

static void attend(const AttendBlock& b) {
  switch (b.format) {
    case KvFormat::F16: return attend_format<F16>(b);
    case KvFormat::BF16: return attend_format<BF16>(b);
    default: return attend_format<F32>(b);
  }
}

static void merge(int rows, float* largest, float* sum, float* out, const float* block_max, const float* block_sum,
                  const float* block_out, int stride) {
  for (int first = 0; first < rows; first += kLanes) {
    const int count = rows - first < kLanes ? rows - first : kLanes;
    const Vec old_max = get(largest + first, count), new_max = get(block_max + first, count);
    const Vec old_sum = get(sum + first, count), new_sum = get(block_sum + first, count);
    const Vec top = max(new_max, old_max);
    const Vec old_factors = exp(sub(old_max, top)), new_factors = exp(sub(new_max, top));
    const Vec both = add(mul(old_sum, old_factors), mul(new_sum, new_factors));
    put(largest + first, select_less(zero(), new_sum, top, old_max), count);
    put(sum + first, select_less(zero(), new_sum, both, old_sum), count);
    float kept[kLanes], added[kLanes];
    store(kept, old_factors);
    store(added, new_factors);
    for (int r = 0; r < count; ++r) {
      if (block_sum[first + r] == 0) continue;  // a row that sees nothing of the block
      const ptrdiff_t at = static_cast<ptrdiff_t>(first + r) * stride;
      const Vec old_factor = set1(kept[r]), new_factor = set1(added[r]);
      for (int i = 0; i < stride; i += kLanes) {
        store(out + at + i, fma(load(block_out + at + i), new_factor, mul(load(out + at + i), old_factor)));
      }
    }
  }
}

static void finish(float largest, float sum, const float* sink, const float* out, int n, float* y) {
  float factor = 1;
  if (sink != nullptr) {
    const float top = *sink > largest ? *sink : largest;
    factor = exp1(largest - top);
    sum = sum * factor + exp1(*sink - top);
  }
  const Vec scale = set1(factor / sum);
  each_run(n, [&](int i, int m) { put(y + i, mul(get(out + i, m), scale), m); });
}
