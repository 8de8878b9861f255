// Pins the prometheus-operator, whose CRDs the tests apply. Nothing of it is built: its checks of a rule would bring half of three clouds' clients.
module kite-operator.dev/tools/prometheus-operator

go 1.26.0

require github.com/prometheus-operator/prometheus-operator v0.85.0
