// 16 scales, or biases, of a record (panel_matrix.h) as f32. Included before linear.inl and dot.inl.
static inline Vec load_scales(ScaleKind kind, const unsigned char* p) {
  switch (kind) {
    case ScaleKind::F16: return load_f16(reinterpret_cast<const uint16_t*>(p));
    case ScaleKind::BF16: return load_bf16(reinterpret_cast<const uint16_t*>(p));
    default: return load(reinterpret_cast<const float*>(p));
  }
}
