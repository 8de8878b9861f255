# Runs the operator: docker build -t kite-operator . && docker run kite-operator run --help
ARG BASE_IMAGE=python:3.11-slim
FROM ${BASE_IMAGE}
WORKDIR /app
COPY requirements/operator.txt requirements/operator.txt
RUN python3 -m pip install --no-cache-dir --require-hashes --requirement requirements/operator.txt
COPY operator/ operator/
ENV PYTHONPATH=/app/operator PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["python3", "-m", "kite_operator"]
CMD ["run", "--listen", "0.0.0.0:8080"]
