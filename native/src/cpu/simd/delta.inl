// Kernels of the gated delta net. Included once per instruction set, inside its namespace, behind rows.inl.

static void gate_row(const float* x, const float* gate, int n, float* y) {
  each_run(n, [&](int i, int m) { put(y + i, mul(get(x + i, m), sigmoid(get(gate + i, m))), m); });
}

static void convolve(const float* const* x, const float* w, ptrdiff_t stride, int taps, int n, float* y) {
  each_run(n, [&](int i, int m) {
    Vec sum = zero();
    for (int tap = 0; tap < taps; ++tap) sum = fma(get(w + tap * stride + i, m), get(x[tap] + i, m), sum);
    put(y + i, mul(sum, sigmoid(sum)), m);
  });
}

// Column by column: each sum is one chain in the order of the keys.
static void delta_rule(const DeltaToken& t) {
  const Vec decay = set1(t.decay), beta = set1(t.beta);
  each_run(t.value_dim, [&](int i, int m) {
    float* column = t.state + i;
    Vec remembered = zero();
    for (int key = 0; key < t.key_dim; ++key) {
      const Vec s = mul(load(column + key * t.stride), decay);
      store(column + key * t.stride, s);
      remembered = fma(s, set1(t.k[key]), remembered);
    }
    const Vec delta = mul(sub(get(t.v + i, m), remembered), beta);
    Vec out = zero();
    for (int key = 0; key < t.key_dim; ++key) {
      const Vec s = fma(set1(t.k[key]), delta, load(column + key * t.stride));
      store(column + key * t.stride, s);
      out = fma(s, set1(t.q[key]), out);
    }
    put(t.out + i, out, m);
  });
}
