#include "napi/object_reader.h"

#include <cmath>
#include <limits>

#include "error.h"

namespace semantic {
namespace {

std::string describe(const Napi::Value& value) {
  switch (value.Type()) {
    case napi_undefined: return "undefined";
    case napi_null: return "null";
    case napi_boolean: return value.As<Napi::Boolean>() ? "true" : "false";
    case napi_number: return value.ToString().Utf8Value();
    case napi_string: return "the string \"" + value.As<Napi::String>().Utf8Value() + "\"";
    case napi_bigint: return "a bigint";
    case napi_function: return "a function";
    default: return value.IsArray() ? "an array" : value.IsTypedArray() ? "a typed array of another kind" : "an object";
  }
}

[[noreturn]] void fail(const std::string& name, const std::string& wanted, const Napi::Value& got) {
  throw Error(ErrorCode::InvalidArgument, "napi.read", name + " should be " + wanted + ", is " + describe(got));
}

std::string to_text(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

Napi::Object as_object(const Napi::Value& value, const std::string& path) {
  if (!value.IsObject() || value.IsArray() || value.IsFunction()) fail(path, "an object", value);
  return value.As<Napi::Object>();
}

int64_t to_bytes(const Napi::Value& value, const std::string& name) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= 0 && number <= 9007199254740991.0 && number == std::floor(number))) fail(name, "a whole number of bytes", value);
  return static_cast<int64_t>(number);
}

uint64_t to_uint64(const Napi::Value& value, const std::string& name) {
  bool lossless = false;
  const uint64_t number = value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
  if (!lossless) fail(name, "a bigint in 0..2^64-1", value);
  return number;
}

template <class T>
std::vector<T> to_typed(const Napi::Value& value, const std::string& name, napi_typedarray_type type, const char* wanted) {
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != type) fail(name, wanted, value);
  const auto items = value.As<Napi::TypedArrayOf<T>>();
  return {items.Data(), items.Data() + items.ElementLength()};
}

std::vector<ObjectReader> to_objects(const Napi::Value& value, const std::string& name) {
  if (!value.IsArray()) fail(name, "an array", value);
  const auto items = value.As<Napi::Array>();
  std::vector<ObjectReader> readers;
  for (uint32_t i = 0; i < items.Length(); ++i) readers.emplace_back(items.Get(i), name + "[" + std::to_string(i) + "]");
  return readers;
}

}  // namespace

ObjectReader::ObjectReader(Napi::Value value, std::string path) : object_(as_object(value, path)), path_(std::move(path)) {}

void ObjectReader::refuse(const std::string& key, const std::string& wanted) const {
  fail(path_ + "." + key, wanted, get(key.c_str()));
}

double ObjectReader::number(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsNumber() || !std::isfinite(value.As<Napi::Number>().DoubleValue())) refuse(key, "a finite number");
  return value.As<Napi::Number>().DoubleValue();
}

double ObjectReader::number(const char* key, double min, double max) const {
  const Napi::Value value = get(key);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= min && number <= max)) {
    refuse(key, std::isinf(max) ? "a finite number >= " + to_text(min) : "a number in " + to_text(min) + ".." + to_text(max));
  }
  if (std::isinf(number)) refuse(key, "a finite number");
  return number;
}

int ObjectReader::integer(const char* key, int min) const {
  const Napi::Value value = get(key);
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (!(number >= min && number <= std::numeric_limits<int32_t>::max() && number == std::floor(number))) {
    refuse(key, "an integer >= " + std::to_string(min));
  }
  return static_cast<int>(number);
}

int64_t ObjectReader::bytes(const char* key) const { return to_bytes(get(key), path_ + "." + key); }

std::string ObjectReader::text(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsString()) refuse(key, "a string");
  return value.As<Napi::String>().Utf8Value();
}

int ObjectReader::choice(const char* key, const std::vector<std::string>& choices) const {
  const Napi::Value value = get(key);
  std::string wanted;
  for (size_t i = 0; i < choices.size(); ++i) {
    if (value.IsString() && value.As<Napi::String>().Utf8Value() == choices[i]) return static_cast<int>(i);
    wanted += (i ? " | " : "") + choices[i];
  }
  refuse(key, wanted);
}

bool ObjectReader::flag(const char* key) const {
  const Napi::Value value = get(key);
  if (value.IsUndefined()) return false;
  if (!value.IsBoolean()) refuse(key, "true or false");
  return value.As<Napi::Boolean>();
}

bool ObjectReader::is_null(const char* key) const {
  const Napi::Value value = get(key);
  return value.IsNull() || value.IsUndefined();
}

ObjectReader ObjectReader::object(const char* key) const { return {get(key), path_ + "." + key}; }

Napi::Array ObjectReader::array(const char* key) const {
  const Napi::Value value = get(key);
  if (!value.IsArray()) refuse(key, "an array");
  return value.As<Napi::Array>();
}

std::vector<ObjectReader> ObjectReader::objects(const char* key) const { return to_objects(get(key), path_ + "." + key); }

std::vector<double> ObjectReader::numbers(const char* key) const {
  const Napi::Array items = array(key);
  std::vector<double> numbers;
  for (uint32_t i = 0; i < items.Length(); ++i) {
    const Napi::Value value = items.Get(i);
    if (!value.IsNumber() || !std::isfinite(value.As<Napi::Number>().DoubleValue())) {
      fail(path_ + "." + key + "[" + std::to_string(i) + "]", "a finite number", value);
    }
    numbers.push_back(value.As<Napi::Number>().DoubleValue());
  }
  return numbers;
}

std::vector<std::string> ObjectReader::texts(const char* key) const {
  const Napi::Array items = array(key);
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < items.Length(); ++i) {
    const Napi::Value value = items.Get(i);
    if (!value.IsString()) fail(path_ + "." + key + "[" + std::to_string(i) + "]", "a string", value);
    texts.push_back(value.As<Napi::String>().Utf8Value());
  }
  return texts;
}

template <class T>
std::vector<T> ObjectReader::typed(const char* key, napi_typedarray_type type, const char* wanted) const {
  return to_typed<T>(get(key), path_ + "." + key, type, wanted);
}

std::vector<int32_t> ObjectReader::int32s(const char* key) const { return typed<int32_t>(key, napi_int32_array, "an Int32Array"); }
std::vector<float> ObjectReader::float32s(const char* key) const { return typed<float>(key, napi_float32_array, "a Float32Array"); }
std::vector<uint8_t> ObjectReader::uint8s(const char* key) const { return typed<uint8_t>(key, napi_uint8_array, "a Uint8Array"); }

std::vector<uint32_t> ObjectReader::uint32s(const char* key) const { return typed<uint32_t>(key, napi_uint32_array, "a Uint32Array"); }

uint64_t ObjectReader::uint64(const char* key) const { return to_uint64(get(key), path_ + "." + key); }

namespace {

int read_int32(const Napi::Value& value, int min, const char* name, const char* wanted) {
  const double number = value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : std::nan("");
  if (number >= min && number <= std::numeric_limits<int32_t>::max() && number == std::floor(number)) {
    return static_cast<int>(number);
  }
  fail(name, wanted, value);
}

}  // namespace

int read_id(const Napi::Value& value, const char* name) { return read_int32(value, 1, name, "an id the engine gave"); }
int read_length(const Napi::Value& value, const char* name) { return read_int32(value, 0, name, "an integer >= 0"); }
int64_t read_bytes(const Napi::Value& value, const char* name) { return to_bytes(value, name); }
uint64_t read_uint64(const Napi::Value& value, const char* name) { return to_uint64(value, name); }
std::vector<int32_t> read_int32s(const Napi::Value& value, const char* name) { return to_typed<int32_t>(value, name, napi_int32_array, "an Int32Array"); }
std::vector<ObjectReader> read_objects(const Napi::Value& value, const char* name) { return to_objects(value, name); }

}  // namespace semantic
