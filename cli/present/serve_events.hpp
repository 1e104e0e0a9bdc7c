// How the events of a server are printed: the same from `modelctl serve` and from a linked program.
#pragma once

#include "base/host.hpp"
#include "cli/present/printer.hpp"
#include "serve/events.hpp"

namespace modelctl::cli {

// A server has no result: people read its log, and programs its events on stdout, one object a line.
inline void print_event(const serve::Event& event, Printer& printer, Reporter& log) {
  if (printer.format() == Printer::Format::json) {
    printer.json(event.json);
    printer.flush();
  } else if (!event.text.empty()) {
    log.info(event.text);
  }
}

}  // namespace modelctl::cli
