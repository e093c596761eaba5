# docker build -t gemini-kafka-bridge .
#
# For a release the base is pinned; `docker buildx imagetools inspect node:24-slim` prints its digest:
#   --build-arg NODE_IMAGE=node:24-slim@sha256:…
#
# Where no container engine is, tools/image reads this file and makes the same tree: so RUN works
# relative to WORKDIR, and only instructions that it knows are used.
ARG NODE_IMAGE=node:24-slim

# Nothing here is compiled for a processor, so the tree is made once, on the builder's own
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# `install` and not `ci`: some mirrors lack the optional packages of other platforms
RUN npm install --ignore-scripts --no-save
COPY nest-cli.json tsconfig.json tsconfig.build.json LICENSE ./
COPY src src
RUN npm run build
# The command line goes by its name, and whoever runs it may read all, whatever umask the sources had
RUN find dist -name '*.map' -delete \
  && mkdir bin \
  && ln -s ../dist/cli.js bin/gemini-kafka-bridge \
  && chmod -R u=rwX,go=rX dist package.json LICENSE \
  && chmod +x dist/cli.js

# The Gemini emulator, for compose.yaml
FROM build AS development
COPY packages packages
RUN chmod -R go=rX packages src
USER 65532:65532
ENTRYPOINT ["node", "--import", "tsx", "packages/gemini-emulator/src/cli.ts"]

# Half of what the packages bring is maps and types, which nothing reads while the bridge runs
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS production
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm install --omit=dev --ignore-scripts --no-save \
  && find node_modules -type f \
    \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \) -delete \
  && chmod -R u=rwX,go=rX node_modules

FROM ${NODE_IMAGE}
ENV NODE_ENV=production
# kafkajs computes a delay from a time long past; Node.js 24 says so in the middle of a log of JSON
ENV NODE_OPTIONS=--disable-warning=TimeoutNegativeWarning
ENV PATH=/app/bin:$PATH
WORKDIR /app
COPY --from=production /app/node_modules node_modules
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/bin bin
COPY --from=build /app/dist dist
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="gemini-kafka-bridge"
LABEL org.opencontainers.image.description="Verified Gemini webhooks on Kafka"
LABEL org.opencontainers.image.licenses="Apache-2.0"
LABEL org.opencontainers.image.version="${VERSION}"
LABEL org.opencontainers.image.revision="${REVISION}"
LABEL org.opencontainers.image.created="${CREATED}"
EXPOSE 8080 8081
# In numbers, so that Kubernetes can tell that it is not root
USER 65532:65532
# Node.js as process 1: it handles SIGTERM itself and starts no processes, so there is nothing for an init to do
# V8 collects the heap when it has grown by 100 %, not by 300 %: 160-175 MB instead of 215-270 MB resident under full load, for the
# same CPU time an event. NODE_OPTIONS does not allow the flag
ENTRYPOINT ["node", "--heap-growing-percent=100", "/app/dist/main.js"]
