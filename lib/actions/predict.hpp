// predict: asks a server for the outputs of a model, from files to files, as `run` computes them here.
#pragma once

#include "actions/remote.hpp"
#include "artifact/meaning.hpp"
#include "tensor/files.hpp"

namespace modelctl::actions {

struct PredictRequest {
  // http[s]://HOST[:PORT], or with the path of what is asked: /v2/models/NAME[/versions/VERSION] of the Open Inference
  // Protocol, or that of a server's own predictions. Without it, the only model of the server is meant, or /predict.
  std::string url;
  std::vector<std::string> inputs;   // [NAME=]INPUT each
  std::string protocol = "v2";       // a name in the table of protocols (protocol.hpp)
  std::filesystem::path output;      // a file or a folder; nothing is written if this is empty
  std::filesystem::path token_file;  // the token that the server asks for; empty: none
  double timeout_seconds = 60;       // of one request, from its start to the end of its response
  RemoteOptions remote;
  formats::CsvHeader header = formats::CsvHeader::automatic;  // of .csv files
};

struct PredictReport {
  std::vector<formats::NamedTensor> outputs;
  std::vector<std::filesystem::path> written;
  artifact::Metadata metadata;  // what the outputs mean, if the server says so
  std::string model, version;   // who answered, if the protocol says so
  double seconds = 0;           // until the response was there; reading the inputs is not counted
};

// By the Open Inference Protocol, the server's description of the model says what the inputs are: names, types and
// shapes are checked, and files read, as for `run`. The protocol of /predict has no description: types are those of the
// files, and numbers come back as JSON shows them. An image file is sent as it is, to a model that says that it takes
// image files and, alone, to /predict.
Result<PredictReport> predict(const PredictRequest& request, Host& host);

}  // namespace modelctl::actions
