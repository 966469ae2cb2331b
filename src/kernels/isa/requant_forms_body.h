// SPDX-License-Identifier: Apache-2.0
// Which of the ways from sums to outputs a Requant takes. Included inside an unnamed namespace that has
//   Floor<kForm, kFine>   a floor, with or without x * fine
//   Double

// use(Type<Rescale>) of what takes these sums to outputs.
template <class Rescale> struct Type {
  using type = Rescale;
};
// The floors are fine ones, whose constants all panels have.
template <class Use> auto ByForm(const Requant& q, const Use& use) {
  switch (q.floored) {
    case Floored::kPlain: return use(Type<Floor<Floored::kPlain, true>>());
    case Floored::kSigned: return use(Type<Floor<Floored::kSigned, true>>());
    default: return use(Type<Double>());
  }
}
