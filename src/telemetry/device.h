// SPDX-License-Identifier: Apache-2.0
// What Linux says about the machine: once, and while it runs. What is not known stays empty or negative.
#pragma once
#include <string>

#include "telemetry/record.h"

namespace octet::telemetry {

std::string MachineIdentity();  // /etc/machine-id.
Hardware ThisHardware();
State ThisState();    // Thermal level from the clock's frequency while busy, power supply.
Gauges ThisGauges();

}  // namespace octet::telemetry
