#include "cpu/pack_panels.h"

#include <algorithm>
#include <cstring>

namespace semantic::cpu {
namespace {

constexpr int kPanelsPerChunk = 16;

bool quantized(PanelKind kind) { return kind == PanelKind::Q4 || kind == PanelKind::Q8 || kind == PanelKind::Mxfp4; }
bool four_bits(PanelKind kind) { return kind == PanelKind::Q4 || kind == PanelKind::Mxfp4; }
int element_bytes(PanelKind kind) { return kind == PanelKind::F32 ? 4 : 2; }

PanelMatrix layout_of(const RowMajorWeight& w) {
  PanelMatrix m;
  m.kind = w.kind;
  m.scale_kind = w.scale_kind;
  m.out = w.out;
  m.in = w.in;
  m.experts = w.experts;
  m.panels = (w.out + kLanes - 1) / kLanes;
  m.group = w.group;
  m.groups = w.in / w.group;
  if (quantized(w.kind)) {
    const int columns = w.kind == PanelKind::Mxfp4 ? 1 : 2;
    const int words = w.group / (four_bits(w.kind) ? 8 : 4);
    m.record_bytes = static_cast<size_t>(kLanes) * (columns * scale_bytes(w.scale_kind) + words * 4);
  } else {
    m.record_bytes = static_cast<size_t>(kLanes) * w.group * element_bytes(w.kind);
  }
  m.panel_bytes = m.record_bytes * m.groups;
  return m;
}

// 16 values of 2 or 4 bytes, one per lane, from a column of a row-major [rows][columns] array.
template <class T>
void gather_column(const void* from, int64_t row, int rows, int columns, int column, unsigned char* to) {
  T lanes[kLanes] = {};
  for (int lane = 0; lane < rows; ++lane) lanes[lane] = static_cast<const T*>(from)[(row + lane) * columns + column];
  std::memcpy(to, lanes, sizeof lanes);
}

void gather_exponents(const void* from, int64_t row, int rows, int columns, int column, unsigned char* to) {
  uint16_t lanes[kLanes] = {};
  for (int lane = 0; lane < rows; ++lane) {
    const uint8_t e = static_cast<const uint8_t*>(from)[(row + lane) * columns + column];
    lanes[lane] = e == 0 ? 0x0040 : static_cast<uint16_t>(e << 7);  // 2^(e - 127); 2^-127 is denormal
  }
  std::memcpy(to, lanes, sizeof lanes);
}

uint32_t bits_at(const uint32_t* row, int64_t bit, int bits) {
  uint64_t pair = row[bit / 32];
  if (bit % 32 + bits > 32) pair |= uint64_t{row[bit / 32 + 1]} << 32;
  return static_cast<uint32_t>(pair >> (bit % 32)) & ((1u << bits) - 1);
}

uint8_t value_at(const RowMajorWeight& w, const uint32_t* row, int k) {
  if (w.bits == 8) return reinterpret_cast<const uint8_t*>(row)[k];
  return static_cast<uint8_t>(bits_at(row, int64_t{k} * w.bits, w.bits));
}

void pack_quantized(const RowMajorWeight& w, const PanelMatrix& m, int64_t row, int rows, unsigned char* to) {
  const int64_t row_words = int64_t{w.in} * w.bits / 32;
  const int words = w.group / (four_bits(w.kind) ? 8 : 4);
  for (int g = 0; g < m.groups; ++g) {
    for (const void* column : {w.scales, w.biases}) {
      if (column == nullptr) continue;
      if (w.kind == PanelKind::Mxfp4) {
        gather_exponents(column, row, rows, m.groups, g, to);
      } else if (w.scale_kind == ScaleKind::F32) {
        gather_column<uint32_t>(column, row, rows, m.groups, g, to);
      } else {
        gather_column<uint16_t>(column, row, rows, m.groups, g, to);
      }
      to += kLanes * scale_bytes(w.scale_kind);
    }
    for (int lane = 0; lane < rows; ++lane) {
      const uint32_t* from = static_cast<const uint32_t*>(w.weight) + (row + lane) * row_words;
      if (four_bits(w.kind)) {
        auto* out = reinterpret_cast<uint32_t*>(to);
        for (int i = 0; i < words; ++i) out[i * kLanes + lane] = from[g * words + i];
      } else {
        for (int k = 0; k < w.group; ++k) {
          const int word = k / 8 * 2 + k % 2, byte = k % 8 / 2;
          to[(word * kLanes + lane) * 4 + byte] = value_at(w, from, g * w.group + k);
        }
      }
    }
    to += static_cast<size_t>(words) * kLanes * 4;
  }
}

template <class T>
void pack_dense(const RowMajorWeight& w, int64_t row, int rows, unsigned char* to) {
  auto* out = reinterpret_cast<T*>(to);
  for (int lane = 0; lane < rows; ++lane) {
    const T* from = static_cast<const T*>(w.weight) + (row + lane) * w.in;
    for (int k = 0; k < w.in; ++k) out[static_cast<size_t>(k) * kLanes + lane] = from[k];
  }
}

}  // namespace

PanelMatrix pack_panels(const RowMajorWeight& w, WeightArena& arena, ThreadPool& pool) {
  PanelMatrix m = layout_of(w);
  const int total = m.experts * m.panels;
  unsigned char* data = arena.take(m.bytes());  // comes zeroed: rows past `out` stay so
  m.data = data;
  pool.run([&](ThreadPool::Worker& worker) {
    worker.phase((total + kPanelsPerChunk - 1) / kPanelsPerChunk, [&](int chunk) {
      for (int p = chunk * kPanelsPerChunk; p < std::min(total, (chunk + 1) * kPanelsPerChunk); ++p) {
        const int first = p % m.panels * kLanes;
        const int64_t row = int64_t{p / m.panels} * w.out + first;
        const int rows = std::min(kLanes, w.out - first);
        unsigned char* to = data + p * m.panel_bytes;
        if (quantized(w.kind)) {
          pack_quantized(w, m, row, rows, to);
        } else if (w.kind == PanelKind::F32) {
          pack_dense<uint32_t>(w, row, rows, to);
        } else {
          pack_dense<uint16_t>(w, row, rows, to);
        }
      }
    });
  });
  return m;
}

}  // namespace semantic::cpu
