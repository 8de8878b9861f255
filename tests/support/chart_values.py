"""Values that people give, by what they are after: the chart's tests go through all of them."""

from typing import Any

LOGIN: dict[str, Any] = {
    "login": {"enabled": True},
    "settings": {"loginPublicUrl": "https://login.example.com/kite"},
}
MATRIX: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one replica": {"replicaCount": 1},
    "one replica without a Lease": {"replicaCount": 1, "leaderElection": {"enabled": False}},
    "scaled to nothing": {"replicaCount": 0},
    "two namespaces": {"namespaces": ["desk-one", "desk-two"]},
    "accounts elsewhere": {"namespaces": ["desk-one"], "accountNamespace": "kite-accounts"},
    "settings": {
        "settings": {
            "logFormat": "json",
            "className": "options",
            "callsPerSecond": 2.5,
            "workers": 50,
            "stopSeconds": 90,
            "namespaceClientIds": "off",
            "extraHolidays": ["2026-11-08", "2026-11-09"],
            "notifyAllow": "none",
            "targetMetadataPrefixes": ["reloader.stakater.com"],
        }
    },
    "login page": LOGIN,
    "login page behind an Ingress": {
        **LOGIN,
        "ingress": {"enabled": True, "className": "nginx", "tlsSecretName": "login-tls"},
    },
    "login page behind a Gateway": {
        **LOGIN,
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "public", "namespace": "gateways"}]},
    },
    "login page behind a proxy": {
        **LOGIN,
        "settings": {**LOGIN["settings"], "loginAuth": "proxy", "loginTrustedProxies": ["10.0.0.0/16"]},
        "networkPolicy": {"loginFrom": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
    },
    "reports": {"report": {"enabled": True}},
    "reports over TLS": {"report": {"enabled": True, "tlsSecretName": "report-tls"}},
    "rollout restarts": {"rollout": {"enabled": True}},
    "rollout restarts in a namespace": {"rollout": {"enabled": True}, "namespaces": ["desk-one"]},
    "sandbox": {"sandbox": {"enabled": True, "seed": {"accounts": [{"client_id": "AB1234"}]}}},
    "ServiceMonitor": {"monitoring": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}},
    "PodMonitor": {"monitoring": {"podMonitor": {"enabled": True}}},
    "alerts": {"monitoring": {"prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}}}},
    "behind a proxy that inspects": {
        "proxy": {"httpsProxy": "http://proxy.example.com:3128", "noProxy": "10.0.0.0/8"},
        "caBundle": {"configMapName": "company-ca"},
        "networkPolicy": {"extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}]},
    },
    "everything of a pod": {
        "image": {"repository": "registry.example.com/kite-operator", "digest": f"sha256:{'0' * 64}"},
        "imagePullSecrets": [{"name": "registry"}],
        "commonLabels": {"team": "desk"},
        "deploymentAnnotations": {"argocd.argoproj.io/sync-wave": "2"},
        "serviceAccount": {"annotations": {"example.com/role": "none"}},
        "revisionHistoryLimit": 1,
        "podLabels": {"sidecar.example.com/inject": "false"},
        "podAnnotations": {"example.com/note": "1"},
        "extraEnv": [{"name": "SOMETHING", "value": "1"}],
        "extraEnvFrom": [{"configMapRef": {"name": "more"}}],
        "extraVolumes": [{"name": "audit", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "audit", "mountPath": "/var/log/kite"}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "trading", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "priorityClassName": "system-cluster-critical",
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "ScheduleAnyway"},
        ],
        "runAs": {"user": 1000, "group": 1000},
    },
    "rights made elsewhere": {
        "rbac": {"create": False, "aggregate": False},
        "serviceAccount": {"create": False, "name": "mine"},
        "crds": {"enabled": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
    },
    "other names": {"fullnameOverride": "desk-operator", "serviceAccount": {"name": "desk"}},
}
