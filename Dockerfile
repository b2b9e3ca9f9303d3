# The one image of every Kith process; the argument says which: `web customers`, `relay orders`, `setup`, …
FROM python:3.11-slim-bookworm

# Without it what a process says waits in a buffer, and is lost with the process.
ENV PYTHONUNBUFFERED=1

RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent kith
WORKDIR /kith

# A layer of its own, so that a change of our code downloads nothing.
COPY requirements.lock .
RUN pip install --no-cache-dir --root-user-action=ignore --disable-pip-version-check \
      --require-hashes --only-binary :all: -r requirements.lock

COPY shared shared
COPY services services
# The user below may not write here, so without this every start would compile every module again.
RUN python -m compileall -q shared services

# New volumes that are mounted there get this owner, so that secrets and backups can be written by
# nobody special.
RUN mkdir -p /run/kith/own && for name in accounts customers orders imports operator mongo redis; \
      do mkdir -m 700 "/run/kith/$name"; done && chmod 700 /run/kith/own && mkdir -m 700 backups \
      && chown -R kith /run/kith backups

USER 10001
ENTRYPOINT ["python", "-m", "services"]
