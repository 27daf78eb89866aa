// Reads typed fields of a JavaScript object; every mistake is an Error(InvalidArgument) naming the field's path.
#pragma once
#include <napi.h>

#include <optional>
#include <string>
#include <vector>

namespace semantic {

class ObjectReader {
 public:
  // `path` names the value in messages: "options", "spec.layers[3]".
  ObjectReader(Napi::Value value, std::string path);

  double number(const char* key) const;  // finite
  double number(const char* key, double min, double max) const;
  int integer(const char* key, int min) const;  // int32
  int64_t bytes(const char* key) const;         // >= 0, exact
  std::string text(const char* key) const;
  // One of `choices`; returns its index.
  int choice(const char* key, const std::vector<std::string>& choices) const;
  bool flag(const char* key) const;     // a boolean; false where it was left out
  bool is_null(const char* key) const;  // null or undefined
  ObjectReader object(const char* key) const;
  std::vector<ObjectReader> objects(const char* key) const;
  std::vector<double> numbers(const char* key) const;
  std::vector<std::string> texts(const char* key) const;
  std::vector<int32_t> int32s(const char* key) const;    // an Int32Array
  std::vector<float> float32s(const char* key) const;    // a Float32Array
  std::vector<uint8_t> uint8s(const char* key) const;    // a Uint8Array
  std::vector<uint32_t> uint32s(const char* key) const;  // a Uint32Array
  uint64_t uint64(const char* key) const;                // a bigint

  template <class Read>
  auto optional(const char* key, Read read) const -> std::optional<decltype(read(std::declval<ObjectReader>()))> {
    if (is_null(key)) return std::nullopt;
    return read(object(key));
  }

  // Throws with the path of `key` in front.
  [[noreturn]] void refuse(const std::string& key, const std::string& wanted) const;

 private:
  Napi::Value get(const char* key) const { return object_.Get(key); }
  Napi::Array array(const char* key) const;
  template <class T>
  std::vector<T> typed(const char* key, napi_typedarray_type type, const char* wanted) const;

  Napi::Object object_;
  std::string path_;
};

// A positional id argument: a positive int32.
int read_id(const Napi::Value& value, const char* name);
// Positional arguments: an int32 >= 0, a whole number of bytes, a bigint of 64 bits, an Int32Array, an array.
int read_length(const Napi::Value& value, const char* name);
int64_t read_bytes(const Napi::Value& value, const char* name);
uint64_t read_uint64(const Napi::Value& value, const char* name);
std::vector<int32_t> read_int32s(const Napi::Value& value, const char* name);
std::vector<ObjectReader> read_objects(const Napi::Value& value, const char* name);

}  // namespace semantic
