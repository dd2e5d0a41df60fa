# One image for both processes of the service: `lookalike api` and `lookalike worker`.
# BASE is an image with Python 3.11 or newer, `pip`, `useradd` and a working `pip install`.
ARG BASE=python:3.11-slim
FROM ${BASE}

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN groupadd --gid 10001 lookalike \
    && useradd --uid 10001 --gid lookalike --create-home --shell /usr/sbin/nologin lookalike \
    && install --directory --owner lookalike --group lookalike /data \
    && install --directory --owner lookalike --group lookalike --mode 0700 /keys

WORKDIR /srv/lookalike

# The dependencies change less often than the code: with only the project file and an empty package they make a layer
# of their own. On Linux the plain torch wheels bring CUDA with them.
COPY pyproject.toml constraints.txt README.md LICENSE ./
RUN mkdir app privacy synth migrations \
    && printf '"""Empty."""\n\n__version__ = "0"\n' > app/__init__.py \
    && pip install -c constraints.txt ".[postgresql,mysql,augmentation,traces]" \
    && pip uninstall --yes lookalike \
    && rm -r app privacy synth migrations

COPY app app
COPY privacy privacy
COPY synth synth
COPY migrations migrations
RUN pip install --no-deps -c constraints.txt .

# Installed above: nothing is imported from here at run time.
WORKDIR /data
USER lookalike
ENV LOOKALIKE_HOME=/data \
    MPLCONFIGDIR=/tmp/matplotlib \
    LOOKALIKE_HOST=0.0.0.0 \
    LOOKALIKE_PORT=8000
VOLUME /data
EXPOSE 8000

# Of the API. The worker has no port; docker-compose.yml gives it a check of its own. It takes a second of processor time,
# which is more than ten seconds where trainings have all cores.
HEALTHCHECK --interval=30s --timeout=30s --start-period=60s --retries=3 CMD ["lookalike", "health"]

ENTRYPOINT ["lookalike"]
CMD ["api"]
