# SPDX-License-Identifier: Apache-2.0
# echo_capnp.capnp - the service of bounce.proto for Cap'n Proto.
@0xb2c4a1f09d5e7c31;

interface Bounce {
  call @0 (data :Data) -> (data :Data);
}
