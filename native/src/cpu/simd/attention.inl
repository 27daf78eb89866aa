// Attention of some query rows over one block of keys, and the merging of blocks. Included once per instruction set.

constexpr int kValuesAhead = 16;  // value rows prefetched ahead

template <class F>
static void attend_format(const AttendBlock& b) {
  using Element = typename F::Element;
  const auto* keys = static_cast<const Element*>(b.keys);
  const auto* values = static_cast<const Element*>(b.values);
  const ptrdiff_t panel_stride = static_cast<ptrdiff_t>(b.head_dim) * kLanes;
  int lowest = kAttendKeys, highest = 0;  // keys that any row sees
  for (int r = 0; r < b.rows; ++r) {
    if (b.lo[r] >= b.hi[r]) continue;
    lowest = b.lo[r] < lowest ? b.lo[r] : lowest;
    highest = b.hi[r] > highest ? b.hi[r] : highest;
  }
  if (lowest >= highest) {
    for (int r = 0; r < b.rows; ++r) {
      b.max[r] = -__builtin_inff();
      b.sum[r] = 0;
    }
    return;
  }
  const int first_panel = lowest / kLanes, panels = (highest + kLanes - 1) / kLanes - first_panel;
  const Element* first_value = values + static_cast<ptrdiff_t>(lowest) * b.value_stride;
  if (b.rows < kTileRows) {
    for (int i = 0; i < kValuesAhead; ++i) prefetch(first_value + static_cast<ptrdiff_t>(i) * b.value_stride);
  }
  // The next panels are the next keys: of this block, or of the block that this thread most likely takes next.
  tile_rows<F>(b.rows, panels, {b.queries, 0, b.head_dim, keys + first_panel * panel_stride, kLanes, panel_stride,
                                b.scores + first_panel * kLanes, kAttendKeys, false, kTilePanels * panel_stride});

  const Vec minus_infinity = set1(-__builtin_inff());
  const float* weights[kMaxAttendRows];
  for (int r = 0; r < b.rows; ++r) {
    float* row = b.scores + static_cast<ptrdiff_t>(r) * kAttendKeys;
    weights[r] = row;
    Vec top = minus_infinity;
    for (int k = first_panel * kLanes; k < highest; k += kLanes) {
      Vec s = load(row + k);
      if (b.softcap != 0) s = capped(s, b.softcap);
      s = keep_range(s, b.lo[r] - k, b.hi[r] - k, minus_infinity);
      store(row + k, s);
      top = max(top, s);
    }
    const float largest = reduce_max(top);
    b.max[r] = largest;
    Vec sum = zero();
    const Vec shift = set1(b.lo[r] < b.hi[r] ? largest : 0);  // a row that sees nothing: exp(-inf) = 0 throughout
    for (int k = first_panel * kLanes; k < highest; k += kLanes) {
      const Vec p = exp(sub(load(row + k), shift));
      store(row + k, p);
      sum = add(sum, p);
    }
    b.sum[r] = reduce_add(sum);
  }
  // Keys that a row does not see have weight 0 and leave its chains as they are.
  tile_rows<F>(b.rows, b.value_stride / kLanes, {weights, lowest, highest - lowest, first_value, b.value_stride, kLanes, b.out,
                                                 b.value_stride, false, kValuesAhead * b.value_stride});
}

static void attend(const AttendBlock& b) {
  switch (b.format) {
    case KvFormat::F16: return attend_format<F16>(b);
    case KvFormat::BF16: return attend_format<BF16>(b);
    default: return attend_format<F32>(b);
  }
}

static void merge(float* largest, float* sum, float* out, float block_max, float block_sum, const float* block_out, int n) {
  if (block_sum == 0) return;
  const float top = block_max > *largest ? block_max : *largest;
  const float old_factor = exp1(*largest - top), new_factor = exp1(block_max - top);
  *sum = *sum * old_factor + block_sum * new_factor;
  *largest = top;
  each_run(n, [&](int i, int m) {
    const Vec kept = mul(get(out + i, m), set1(old_factor));
    put(out + i, fma(get(block_out + i, m), set1(new_factor), kept), m);
  });
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
