// Vertex AI ("Custom container requirements for inference"), SageMaker ("Use your own inference code with hosting
// services") and Cloud Run ("Container runtime contract"). Whoever sets a port wants the container to listen on all
// addresses: the platform's proxy is on another one.
#include "serve/platforms.hpp"

namespace modelctl::serve {

GivenSettings platform_settings(const Environment& environment) {
  GivenSettings settings;
  for (const char* variable : {"AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT", "PORT"}) {
    auto port = environment.get(variable);
    if (!settings.listen && port && !port->empty()) settings.listen = "0.0.0.0:" + *port;
  }
  settings.health_route = environment.get("AIP_HEALTH_ROUTE");
  settings.predict_route = environment.get("AIP_PREDICT_ROUTE");
  return settings;
}

}  // namespace modelctl::serve
