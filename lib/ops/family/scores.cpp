// The label output has the type of whichever attribute lists the labels, so that inference reads them.
#include "ops/family/scores.hpp"

namespace modelctl::ops {

// One row [C] is a batch of one, as scikit-learn's converters write it.
graph::Expr rows_of(Inference& call) {
  const graph::Shape* x = call.shape(0);
  if (x == nullptr) return call.fresh_symbol();
  return x->size() == 2 ? (*x)[0] : graph::Expr(1);
}

Result<void> infer_classifier(Inference& call, std::string_view texts, std::string_view numbers) {
  TRY(need_rank(call, 0, 1, 2));
  auto labels = read_labels(call.attributes(), texts, numbers);
  if (!labels) return call.bad(labels.error().what);
  graph::Expr rows = rows_of(call);
  call.set_output(0, labels->type(), graph::Shape{rows});
  call.set_output(1, DType::f32, graph::Shape{rows, graph::Expr(static_cast<std::int64_t>(labels->size()))});
  return {};
}

}  // namespace modelctl::ops
