// How commands that end later than they run report back.
#pragma once
#include <functional>
#include <variant>

#include "error.h"

namespace semantic {

// Reports a command's outcome; runs after the counters were published, so that who awaits it sees them.
using Delivery = std::function<void()>;
inline const Delivery kNothingYet = [] {};

using Done = std::monostate;
template <class Value>
using Outcome = std::variant<Value, Error>;
// Called once, on the engine thread.
template <class Value>
using Settle = std::function<Delivery(const Outcome<Value>&)>;

}  // namespace semantic
