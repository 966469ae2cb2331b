// SPDX-License-Identifier: Apache-2.0
// Which of the ways from sums to outputs a Requant takes. Included inside an unnamed namespace that has Floor<form> and Double.

// use(Type<Rescale>) of what takes these sums to outputs.
template <class Rescale> struct Type {
  using type = Rescale;
};
template <class Use> auto ByForm(const Requant& q, const Use& use) {
  switch (q.floored) {
    case Floored::kPlain: return use(Type<Floor<Floored::kPlain>>());
    case Floored::kPlainFine: return use(Type<Floor<Floored::kPlainFine>>());
    case Floored::kSigned: return use(Type<Floor<Floored::kSigned>>());
    case Floored::kSignedFine: return use(Type<Floor<Floored::kSignedFine>>());
    default: return use(Type<Double>());
  }
}
// The same by fine forms only, whose constants the others have, too: where sums take so long that one multiplication more does not
// matter, code is half as large.
template <class Use> auto ByFineFloor(const Requant& q, const Use& use) {
  return IsPlain(q.floored) ? use(Type<Floor<Floored::kPlainFine>>()) : use(Type<Floor<Floored::kSignedFine>>());
}
template <class Use> auto ByFineForm(const Requant& q, const Use& use) { return q.floored == Floored::kNone ? use(Type<Double>()) : ByFineFloor(q, use); }
