// Row-wise kernels: norms, activations, rotation, residuals. Included once per instruction set, inside its namespace.

// e^x to about 1 ulp (Cephes' polynomial on [-ln2/2, ln2/2]); 0 below -87.3, large and finite above 88.
static inline Vec exp(Vec x) {
  const Vec lowest = set1(-87.3f);
  const Vec clamped = min(max(x, lowest), set1(88.3f));
  const Vec t = fma(clamped, set1(1.44269504f), set1(12582912.0f));  // rounds to an integer in the low mantissa bits
  const Vec n = sub(t, set1(12582912.0f));
  Vec r = fma(n, set1(-0.693359375f), clamped);
  r = fma(n, set1(2.12194440e-4f), r);
  Vec p = fma(set1(1.9875691500e-4f), r, set1(1.3981999507e-3f));
  p = fma(p, r, set1(8.3334519073e-3f));
  p = fma(p, r, set1(4.1665795894e-2f));
  p = fma(p, r, set1(1.6666665459e-1f));
  p = fma(p, r, set1(5.0000001201e-1f));
  p = add(fma(p, mul(r, r), r), set1(1));
  return select_less(x, lowest, zero(), scale_by_power(p, t));
}

static inline float exp1(float x) {
  float lanes[kLanes];
  store(lanes, exp(set1(x)));
  return lanes[0];
}

static inline Vec sigmoid(Vec x) { return div(set1(1), add(set1(1), exp(sub(zero(), x)))); }
static inline Vec tanh(Vec x) { return sub(set1(1), div(set1(2), add(exp(add(x, x)), set1(1)))); }

// Calls body(index, lanes) for each run of at most 16 elements.
template <class Body>
static inline void each_run(int n, Body body) {
  for (int i = 0; i < n; i += kLanes) body(i, n - i < kLanes ? n - i : kLanes);
}
static inline Vec get(const float* p, int n) { return n == kLanes ? load(p) : load_n(p, n); }
static inline void put(float* p, Vec v, int n) { n == kLanes ? store(p, v) : store_n(p, v, n); }

static void rms_norm(const float* x, const float* weight, int n, float eps, float* y) {
  Vec squares = zero();
  each_run(n, [&](int i, int m) {
    const Vec v = get(x + i, m);
    squares = fma(v, v, squares);
  });
  const Vec factor = set1(1 / __builtin_sqrtf(reduce_add(squares) / static_cast<float>(n) + eps));
  each_run(n, [&](int i, int m) { put(y + i, mul(mul(get(x + i, m), factor), get(weight + i, m)), m); });
}

static void layer_norm(const float* x, const float* weight, const float* bias, int n, float eps, float* y) {
  Vec sum = zero();
  each_run(n, [&](int i, int m) { sum = add(sum, get(x + i, m)); });
  const Vec mean = set1(reduce_add(sum) / static_cast<float>(n));
  Vec squares = zero();
  each_run(n, [&](int i, int m) {
    const Vec off = keep_range(sub(get(x + i, m), mean), 0, m, zero());
    squares = fma(off, off, squares);
  });
  const Vec factor = set1(1 / __builtin_sqrtf(reduce_add(squares) / static_cast<float>(n) + eps));
  each_run(n, [&](int i, int m) { put(y + i, fma(mul(sub(get(x + i, m), mean), factor), get(weight + i, m), get(bias + i, m)), m); });
}

static void store_row(const float* acc, const float* bias, int n, float* y) {
  each_run(n, [&](int i, int m) { put(y + i, bias ? add(get(acc + i, m), get(bias + i, m)) : get(acc + i, m), m); });
}

static void add_row(const float* acc, const float* bias, int n, float* y) {
  each_run(n, [&](int i, int m) {
    const Vec v = bias ? add(get(acc + i, m), get(bias + i, m)) : get(acc + i, m);
    put(y + i, add(get(y + i, m), v), m);
  });
}

static void add_scaled(const float* x, float factor, int n, float* y) {
  each_run(n, [&](int i, int m) { put(y + i, fma(set1(factor), get(x + i, m), get(y + i, m)), m); });
}

static void activate(ActivationKind kind, float alpha, float limit, const float* gate, const float* up, int n, float* y) {
  each_run(n, [&](int i, int m) {
    Vec g = get(gate + i, m), u = get(up + i, m);
    if (kind == ActivationKind::Silu) {
      g = mul(g, sigmoid(g));
    } else if (kind == ActivationKind::GeluTanh) {
      const Vec inner = mul(set1(0.7978845608f), fma(mul(set1(0.044715f), g), mul(g, g), g));
      g = mul(mul(set1(0.5f), g), add(set1(1), tanh(inner)));
    } else {
      g = min(g, set1(limit));
      u = add(max(min(u, set1(limit)), set1(-limit)), set1(1));
      g = mul(g, sigmoid(mul(set1(alpha), g)));
    }
    put(y + i, mul(g, u), m);
  });
}

// erfc(z) for z >= 0 to 1.5e-7 (Abramowitz and Stegun 7.1.26).
static inline Vec erfc(Vec z) {
  const Vec t = div(set1(1), fma(set1(0.3275911f), z, set1(1)));
  Vec p = fma(set1(1.061405429f), t, set1(-1.453152027f));
  p = fma(p, t, set1(1.421413741f));
  p = fma(p, t, set1(-0.284496736f));
  p = fma(p, t, set1(0.254829592f));
  return mul(mul(p, t), exp(sub(zero(), mul(z, z))));
}

static void gelu(const float* x, int n, float* y) {
  each_run(n, [&](int i, int m) {
    const Vec v = get(x + i, m), size = max(v, sub(zero(), v));
    const Vec tail = mul(mul(set1(0.5f), v), erfc(mul(size, set1(0.70710678f))));
    put(y + i, select_less(v, zero(), tail, sub(v, tail)), m);
  });
}

static inline Vec capped(Vec x, float cap) { return mul(set1(cap), tanh(div(x, set1(cap)))); }

static void softcap(float* x, int n, float cap) {
  each_run(n, [&](int i, int m) { put(x + i, capped(get(x + i, m), cap), m); });
}

static void rotate(float* x, const float* cos, const float* sin, int dims, int n, float scale) {
  const int half = dims / 2;
  float* y = x + half;
  each_run(half, [&](int i, int m) {
    const Vec a = get(x + i, m), b = get(y + i, m), c = get(cos + i, m), s = get(sin + i, m);
    put(x + i, sub(mul(a, c), mul(b, s)), m);
    put(y + i, add(mul(b, c), mul(a, s)), m);
  });
  if (scale != 1) each_run(n, [&](int i, int m) { put(x + i, mul(get(x + i, m), set1(scale)), m); });
}
