# The images of kite-operator: `operator`, which is the default, and with `--target sandbox` the fake Kite, for trying out.
# docs/install.md has the commands. Nothing here depends on the processor: for another one, give base images of it.
#
# BUILD_IMAGE has Python 3.11 with pip, and a shell. BASE_IMAGE has Python 3.11 as `python3` on its PATH, glibc, libstdc++
# and the certificate authorities to trust. It needs no shell, no pip and no package manager: nothing is run in it.
ARG BUILD_IMAGE=python:3.11-slim-bookworm
ARG BASE_IMAGE=python:3.11-slim-bookworm

FROM ${BUILD_IMAGE} AS installer
# An index of your own, its password and its certificate authority are the secret `pip`, a pip.conf: it leaves no trace.
ENV PIP_CONFIG_FILE=/run/secrets/pip PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONHASHSEED=0
COPY requirements/ /requirements/
COPY tools/image/prepare.py /
WORKDIR /

FROM installer AS operator-files
# Which file of requirements/: tracing.txt has the same packages and those that traces are sent with.
ARG REQUIREMENTS=operator.txt
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=secret,id=pip --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --quiet --require-hashes --only-binary :all: --no-compile --target /app/packages \
    --requirement requirements/${REQUIREMENTS} \
    && python3 prepare.py /app/packages ${SOURCE_DATE_EPOCH}
COPY operator/kite_operator/ /app/operator/kite_operator/
RUN python3 prepare.py /app/operator ${SOURCE_DATE_EPOCH}

FROM installer AS sandbox-files
ARG SOURCE_DATE_EPOCH=0
RUN --mount=type=secret,id=pip --mount=type=cache,target=/root/.cache/pip \
    python3 -m pip install --quiet --require-hashes --only-binary :all: --no-compile --target /app/packages \
    --requirement requirements/sandbox.txt \
    && python3 prepare.py /app/packages ${SOURCE_DATE_EPOCH}
COPY operator/kite_sandbox/ /app/operator/kite_sandbox/
RUN python3 prepare.py /app/operator ${SOURCE_DATE_EPOCH}

FROM ${BASE_IMAGE} AS runtime
# The root is read-only: byte code is there already, and the folder that a process starts in is not searched for modules.
ENV PYTHONPATH=/app/operator:/app/packages PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1
WORKDIR /app
USER 65532:65532
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
# By its digest where it was named by one: whoever builds the same again must have the same base.
ARG BASE_IMAGE
LABEL org.opencontainers.image.version=${VERSION} \
      org.opencontainers.image.revision=${REVISION} \
      org.opencontainers.image.source=${SOURCE} \
      org.opencontainers.image.base.name=${BASE_IMAGE} \
      org.opencontainers.image.licenses=Apache-2.0 \
      org.opencontainers.image.vendor=kite-operator

FROM runtime AS sandbox
LABEL org.opencontainers.image.title=kite-operator-sandbox \
      org.opencontainers.image.description="A fake of Kite for tests and for trying kite-operator out. It hands out tokens to whoever asks."
COPY --from=sandbox-files /app/packages/ /app/packages/
COPY --from=sandbox-files /app/operator/ /app/operator/
EXPOSE 9010 9011 9012
ENTRYPOINT ["python3", "-m", "kite_sandbox"]
CMD ["--host", "0.0.0.0", "--api-port", "9010", "--login-port", "9011", "--admin-port", "9012"]

# The last is what `docker build` makes by itself. Health is for Kubernetes to ask: there is no HEALTHCHECK.
FROM runtime AS operator
LABEL org.opencontainers.image.title=kite-operator \
      org.opencontainers.image.description="Keeps Zerodha Kite Connect sessions alive for trading pods."
COPY --from=operator-files /app/packages/ /app/packages/
COPY --from=operator-files /app/operator/ /app/operator/
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "kite_operator"]
CMD ["run", "--listen", "0.0.0.0:8080"]
