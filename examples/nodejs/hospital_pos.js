// A hospital's point of service: who is the patient, first registration, PIN, what insurance says.
//
//     node hospital_pos.js SERVER CA.pem CLIENT.pem CLIENT.key
//
// The certificate has the role `hospital`. It waits for a card, keeps it while it works with it, and lets it go. A line on
// standard input is the PIN; an empty one is none.
"use strict";

const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const path = require("node:path");
const { createInterface } = require("node:readline/promises");
const { promisify } = require("node:util");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

const PROTO = path.join(__dirname, "..", "..", "proto");
const v1 = (file) => `sscard/v1/${file}.proto`;
const { sscard } = grpc.loadPackageDefinition(
  loader.loadSync(["activation", "card", "pin", "reader"].map(v1), { includeDirs: [PROTO], enums: String, defaults: true, longs: Number }),
);

async function main(server, ca, certificate, key) {
  const credentials = grpc.credentials.createSsl(...[ca, key, certificate].map((name) => readFileSync(name)));
  const stub = (name) => new sscard.v1[name](server, credentials);
  const [readers, cards, activation, pins] = ["ReaderService", "CardService", "ActivationService", "PinService"].map(stub);
  const call = (client, method, request) => promisify(client[method]).call(client, request, new grpc.Metadata(), within(30));

  const reader = await waitForCard(readers);
  const { lease } = (await call(cards, "AcquireCard", { reader })).state;
  try {
    const patient = await register(activation, lease);
    console.log(`${patient.name}, ${patient.socialSecurityNumber.slice(0, 6)}…:`, patient.activated ? "本次激活 activated now" : "此前已激活 activated before");
    const pin = await createInterface({ input: process.stdin }).question("密码 PIN: ");
    if (pin) {
      const answer = await call(pins, "VerifyPin", { lease, pin });
      console.log(`PIN: ${answer.result}, tries left ${answer.triesLeft}`);
      if (!answer.verified) return;
    }
    for (const result of (await call(cards, "ReadFiles", { lease, files: ["medical_insurance", "health"] })).results) {
      console.log(result.file, result.read ? "read" : `${result.reason} ${result.chineseMessage}`);
    }
  } finally {
    await call(cards, "ReleaseCard", { lease });
  }
}

const within = (seconds) => ({ deadline: Date.now() + seconds * 1000 });

// The name of a reader with a card in it, as soon as there is one.
async function waitForCard(readers) {
  console.log("请插入社会保障卡。Please insert the card.");
  const stream = readers.WatchReaders({});
  for await (const { event } of stream) {
    if (event.kind === "KIND_CARD_INSERTED") {
      stream.on("error", () => {}); // cancelling is reported as one
      stream.cancel();
      return event.reader.name;
    }
  }
  throw new Error("the service has ended");
}

// Outpatient registration: the first one activates the card, whoever sends it again after a cut loses nothing.
async function register(activation, lease) {
  const request = { lease, requestId: randomUUID(), registration: "REGISTRATION_OUTPATIENT" };
  for await (const { outcome } of activation.ActivateAtHospital(request, within(60))) {
    if (outcome) return outcome;
  }
  throw new Error("the service has ended");
}

// The reason of an error, which is the contract, and its text in Chinese.
function explain(error) {
  const { Status, ErrorInfo, LocalizedMessage } = protobuf.parse(`syntax = "proto3";
    message Any { string type_url = 1; bytes value = 2; }
    message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
    message ErrorInfo { string reason = 1; }
    message LocalizedMessage { string locale = 1; string message = 2; }`).root.nested;
  const [status] = error.metadata?.get("grpc-status-details-bin") ?? [];
  const details = status ? Status.decode(status).details : [];
  const texts = details.map(({ typeUrl, value }) => {
    if (typeUrl.endsWith(".ErrorInfo")) return ErrorInfo.decode(value).reason;
    return typeUrl.endsWith(".LocalizedMessage") ? LocalizedMessage.decode(value).message : "";
  });
  return texts.filter(Boolean).join("\n") || String(error);
}

main(...process.argv.slice(2)).then(
  () => process.exit(0),
  (error) => {
    console.error(explain(error));
    process.exit(1);
  },
);
