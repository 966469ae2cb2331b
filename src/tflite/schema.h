// SPDX-License-Identifier: Apache-2.0
// The file format's C++ form, which flatc makes.
#pragma once
#include <climits>

#undef ARG_MAX  // An operator here, a limit of the system's elsewhere.
#include "schema_generated.h"
