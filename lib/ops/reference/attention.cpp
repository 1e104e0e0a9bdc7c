// The reference implementation of attention, head by head and query by query, in double precision. Types of 16 bits are
// rounded wherever the specification's graph of operators would hold a tensor, which is what ONNX Runtime's results
// show.
#include "ops/reference/attention.hpp"

#include "ops/reference/broadcast.hpp"
#include "ops/reference/element.hpp"

#include <cmath>
#include <cstring>

namespace modelctl::ops {
namespace {

// A value as an element of this type would hold it.
double rounded(DType type, double value) {
  if (type == DType::f16) return static_cast<double>(static_cast<float>(Half(static_cast<float>(value))));
  if (type == DType::bf16) return static_cast<double>(static_cast<float>(BFloat16(static_cast<float>(value))));
  return value;
}

constexpr double nothing = -HUGE_VAL;

// Rows [from, from + count) of one head, times `factor`, behind what is there.
void append(std::vector<double>& to, const Heads& heads, std::int64_t b, std::int64_t h, std::int64_t count,
            double factor) {
  if (count == 0) return;
  auto load = load_of<double>(heads.view.type);
  for (std::int64_t s = 0; s < count; ++s) {
    for (std::int64_t d = 0; d < heads.size; ++d) {
      to.push_back(rounded(heads.view.type, load(heads.view.data, heads.at(b, h, s) + d) * factor));
    }
  }
}

// What the mask adds to the scores: minus infinity excludes a key, by a boolean mask or beyond the mask's end.
class Mask {
 public:
  Mask(const TensorView& view, DimsView full) : view_(view) {
    if (!view.present()) return;
    length_ = view.dims.back();
    Dims dims(full.begin(), full.end());
    dims.back() = length_;
    steps_ = broadcast_strides(view.dims, dims);
    if (view.type == DType::boolean) return;
    (void)with_wide<Numbers>(view.type, [&]<class W>() {
      wide_ = [](const TensorView& from, std::int64_t at) {
        return static_cast<double>(load_of<W>(from.type)(from.data, at));
      };
    });
  }
  double at(std::int64_t b, std::int64_t h, std::int64_t s, std::int64_t key) const {
    if (!view_.present()) return 0;
    if (key >= length_) return nothing;
    std::int64_t at = b * steps_[0] + h * steps_[1] + s * steps_[2] + key * steps_[3];
    if (view_.type == DType::boolean) return view_.as<bool>()[static_cast<std::size_t>(at)] ? 0 : nothing;
    return wide_(view_, at);
  }

 private:
  TensorView view_;
  Dims steps_;
  std::int64_t length_ = 0;
  double (*wide_)(const TensorView& from, std::int64_t at) = nullptr;
};

// Whether query s sees a key: it must be filled in the cache, not in the future of a causal model, and within the
// sliding window around the query's own position, which counts the past.
bool seen(const Attend& attend, const AttentionWindow& window, std::int64_t s, std::int64_t key) {
  std::int64_t position = window.offset + s;
  if (key >= window.past + window.fresh || (attend.causal && key > position)) return false;
  if (attend.left >= 0 && key < position - attend.left) return false;
  return attend.right < 0 || key <= position + attend.right;
}

// The largest score is subtracted first, so that no exponential overflows. A sink takes part in the sum, but has no
// value. A row whose every key is masked has no weight at all, whatever its scores.
void softmax(std::span<double> row, bool any, double sink, DType type) {
  double most = sink, sum = 0;
  for (double x : row) most = x > most || x != x ? x : most;
  if (!any || most == nothing) {
    std::fill(row.begin(), row.end(), 0.0);
    return;
  }
  for (double& x : row) sum += x = rounded(type, std::exp(rounded(type, x - most)));
  sum = rounded(type, sum + std::exp(sink - most));
  for (double& x : row) x = rounded(type, x / sum);
}

}  // namespace

// A tensor of three axes has the heads of a row beside each other; one of four has the rows of a head. Strides make
// both the same to the loops.
Result<Heads> heads_of(const TensorView& view, std::int64_t heads, std::string_view what) {
  std::string name(what);
  if (!view.present()) return refuse(name + " is absent");
  if (!holds<Floats>(view.type)) return refuse_type(view.type);
  if (view.rank() == 4) {
    std::int64_t row = view.dim(3), head = row * view.dim(2);
    return Heads{view, view.dim(0), view.dim(1), view.dim(2), row, head * view.dim(1), head, row};
  }
  if (view.rank() != 3) return refuse(name + " must have three or four axes");
  if (heads < 1) return refuse("the numbers of heads must be given if " + name + " has three axes");
  if (view.dim(2) % heads != 0) return refuse(name + " cannot be cut into " + std::to_string(heads) + " heads");
  std::int64_t size = view.dim(2) / heads;
  return Heads{view, view.dim(0), heads, view.dim(1), size, view.dim(1) * view.dim(2), size, view.dim(2)};
}

std::int64_t Attend::keys() const {
  std::int64_t most = 0;
  for (const AttentionWindow& each : windows) most = std::max(most, each.past + each.fresh);
  return most;
}

std::vector<AttentionWindow> full_window(const Attend& attend) {
  std::int64_t past = attend.past_k.length;
  return std::vector<AttentionWindow>(static_cast<std::size_t>(attend.q.batches), {past, attend.k.length, past});
}

// Everything that the loops rely on, except for the mask, which `attend` checks.
Result<void> check(const Attend& attend) {
  const Heads &q = attend.q, &k = attend.k, &v = attend.v;
  if (k.batches != q.batches || v.batches != q.batches) return refuse("Q, K and V are of different batches");
  if (k.size != q.size) return refuse("the heads of Q and K differ in size");
  if (v.length != k.length) return refuse("K and V differ in length");
  if (k.heads != v.heads || k.heads == 0 || q.heads % k.heads != 0) {
    return refuse("the heads of Q are not a multiple of those of K and V");
  }
  bool past = attend.past_k.view.present();
  if (past != attend.past_v.view.present()) return refuse("past_key and past_value go together");
  if (!past) return {};
  auto fits = [](const Heads& old, const Heads& fresh) {
    return old.view.rank() == 4 && old.batches == fresh.batches && old.heads == fresh.heads && old.size == fresh.size &&
           old.view.type == fresh.view.type;
  };
  if (!fits(attend.past_k, k) || !fits(attend.past_v, v) || attend.past_k.length != attend.past_v.length) {
    return refuse("the past does not fit K and V");
  }
  return {};
}

namespace {

// The computation itself: one head of keys and values after another, and for each the rows of its queries. Several
// heads of queries may share one of keys and values (grouped-query attention), which is loaded once for them. The scale
// is applied as its root to both operands of the product, as the specification's graph does, since that rounds
// differently; the sign of a negative one is the query's.
class Sums {
 public:
  Sums(const Attend& attend, std::int64_t keys, const Mask& mask, const std::optional<Scores>& scores)
      : all_(attend),
        keys_(keys),
        mask_(mask),
        scores_(scores),
        type_(attend.q.view.type),
        precision_(attend.precision == DType::undefined ? type_ : attend.precision),
        factor_(std::sqrt(std::fabs(attend.scale))),
        row_(static_cast<std::size_t>(keys)) {}

  void run(const Heads& out, const MutableTensorView& y) {
    const Heads& q = all_.q;
    std::int64_t group = q.heads / all_.k.heads;
    auto store = store_of<double>(y.type);
    for (std::int64_t b = 0; b < q.batches; ++b) {
      for (std::int64_t h = 0; h < q.heads; ++h) {
        if (h % group == 0) take(b, h / group);
        for (std::int64_t s = 0; s < q.length; ++s) {
          if (all_.interrupt != nullptr && all_.interrupt->requested()) return;
          weigh(b, h, s);
          for (std::int64_t d = 0; d < all_.v.size; ++d) store(y.data, out.at(b, h, s) + d, mean(b, d));
        }
      }
    }
  }

 private:
  const AttentionWindow& window(std::int64_t b) const { return all_.windows[static_cast<std::size_t>(b)]; }

  // Keys and values of one head, the past's first.
  void take(std::int64_t b, std::int64_t h) {
    k_.clear();
    v_.clear();
    std::int64_t past = window(b).past;
    append(k_, all_.past_k, b, h, past, factor_);
    append(k_, all_.k, b, h, std::min(keys_ - past, all_.k.length), factor_);
    append(v_, all_.past_v, b, h, past, 1);
    append(v_, all_.v, b, h, std::min(keys_ - past, all_.v.length), 1);
  }

  // The weights of one query's keys, in the order of the specification: product, cap, mask, softmax.
  void weigh(std::int64_t b, std::int64_t h, std::int64_t s) {
    std::int64_t size = all_.q.size, base = ((b * all_.q.heads + h) * all_.q.length + s) * keys_;
    const double factor = std::copysign(factor_, all_.scale);
    query_.clear();
    for (std::int64_t d = 0; d < size; ++d) {
      query_.push_back(rounded(type_, load_of<double>(type_)(all_.q.view.data, all_.q.at(b, h, s) + d) * factor));
    }
    bool any = false;
    for (std::int64_t key = 0; key < keys_; ++key) {
      double sum = 0;
      auto first = static_cast<std::size_t>(key * size);
      for (std::size_t d = 0; d < query_.size() && first < k_.size(); ++d) sum += query_[d] * k_[first + d];
      double score = rounded(type_, sum);
      report(Stage::products, base + key, score);
      if (all_.softcap > 0) {
        score = rounded(type_, std::tanh(rounded(type_, score / all_.softcap)));
        score = rounded(type_, score * all_.softcap);
      }
      report(Stage::capped, base + key, score);
      double bias = seen(all_, window(b), s, key) ? mask_.at(b, h, s, key) : nothing;
      any = any || bias != nothing;
      score = bias == nothing ? nothing : rounded(type_, score + bias);
      report(Stage::masked, base + key, score);
      row_[static_cast<std::size_t>(key)] = rounded(precision_, score);
    }
    softmax(row_, any, all_.sinks.empty() ? nothing : all_.sinks[static_cast<std::size_t>(h)], precision_);
    for (std::int64_t key = 0; key < keys_; ++key) {
      report(Stage::weights, base + key, row_[static_cast<std::size_t>(key)]);
    }
  }

  // Component d of the weighted mean of the values. Keys that are not filled have weight 0 and no value.
  double mean(std::int64_t b, std::int64_t d) const {
    double sum = 0;
    for (std::int64_t key = 0; key < std::min(keys_, window(b).past + window(b).fresh); ++key) {
      sum += row_[static_cast<std::size_t>(key)] * v_[static_cast<std::size_t>(key * all_.v.size + d)];
    }
    return sum;
  }

  // Stores the value if this stage is the one that the second output asks for.
  void report(Stage stage, std::int64_t at, double value) const {
    if (scores_ && scores_->stage == stage) store_of<double>(scores_->view.type)(scores_->view.data, at, value);
  }

  const Attend& all_;
  std::int64_t keys_;
  const Mask& mask_;
  const std::optional<Scores>& scores_;
  DType type_, precision_;
  double factor_;
  std::vector<double> row_, query_, k_, v_;
};

}  // namespace

Result<void> attend(const Attend& attend, const MutableTensorView& y, const std::optional<Scores>& scores) {
  std::int64_t keys = scores ? scores->view.dims.back() : attend.keys();
  Dims full{attend.q.batches, attend.q.heads, attend.q.length, keys};
  if (attend.mask.present()) {
    if (attend.mask.rank() == 0 || attend.mask.rank() > 4) return refuse("the mask must have one to four axes");
    Dims cut = full;
    cut.back() = attend.mask.dims.back();
    if (TRY(broadcast_dims(attend.mask.dims, cut)) != cut) return refuse("the mask does not broadcast to the scores");
    if (attend.mask.type != DType::boolean && !holds<Numbers>(attend.mask.type)) return refuse_type(attend.mask.type);
  }
  Mask mask(attend.mask, full);
  Sums(attend, keys, mask, scores).run(TRY(heads_of(y, attend.q.heads, "Y")), y);
  return {};
}

void keep(const Heads& past, const Heads& fresh, std::span<const AttentionWindow> windows,
          const MutableTensorView& present) {
  auto width = static_cast<std::int64_t>(bits(present.type)) / 8 * fresh.size;
  auto bytes = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  // The runtime may give the past's memory to the output (runtime's continuations): then only the new rows are written.
  bool in_place = past.view.data == present.data;
  std::int64_t rows = present.dims[2];
  for (std::int64_t b = 0; b < fresh.batches && width > 0; ++b) {
    const AttentionWindow& of = windows[static_cast<std::size_t>(b)];
    for (std::int64_t h = 0; h < fresh.heads; ++h) {
      auto* to = static_cast<std::byte*>(present.data) + (b * fresh.heads + h) * rows * width;
      auto from = [&](const Heads& heads, std::int64_t s) {
        return static_cast<const std::byte*>(heads.view.data) + heads.at(b, h, s) / fresh.size * width;
      };
      if (!in_place && of.past > 0) std::memcpy(to, from(past, 0), bytes(of.past * width));
      for (std::int64_t s = 0; s < fresh.length; ++s) {
        std::memcpy(to + (of.past + s) * width, from(fresh, s), bytes(width));
      }
      std::int64_t end = of.past + fresh.length;
      if (!in_place && end < rows) std::memset(to + end * width, 0, bytes((rows - end) * width));
    }
  }
}

}  // namespace modelctl::ops
