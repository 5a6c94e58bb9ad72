// A hospital's point of service: who is the patient, first registration, PIN, what insurance says.
//
//     node hospital_pos.js SERVER CA.pem CLIENT.pem CLIENT.key
//
// The certificate has the role `hospital`. It waits for a card, keeps it while it works with it, and lets it go. A line on
// standard input is the holder's PIN, at the first registration the one that the holder chooses; an empty one is none.
"use strict";

const { randomUUID } = require("node:crypto");
const { readFileSync } = require("node:fs");
const path = require("node:path");
const { createInterface } = require("node:readline");
const { Writable } = require("node:stream");
const { promisify } = require("node:util");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const protobuf = require("protobufjs");

const PROTO = path.join(__dirname, "..", "..", "proto");
const v1 = (file) => `sscard/v1/${file}.proto`;
const { sscard } = grpc.loadPackageDefinition(
  loader.loadSync(["activation", "card", "pin", "reader"].map(v1), { includeDirs: [PROTO], enums: String, defaults: true }),
);

async function main(server, ca, certificate, key) {
  const credentials = grpc.credentials.createSsl(...[ca, key, certificate].map((name) => readFileSync(name)));
  const stub = (name) => new sscard.v1[name](server, credentials);
  const [readers, cards, activation, pins] = ["ReaderService", "CardService", "ActivationService", "PinService"].map(stub);
  const call = (client, method, request) => promisify(client[method]).call(client, request, new grpc.Metadata(), within(30));

  const reader = await waitForCard(readers);
  const pin = await askPin();
  const { lease } = (await call(cards, "AcquireCard", { reader })).state;
  try {
    const patient = await register(activation, lease, pin);
    const when = patient.activated ? "本次激活 activated now" : "此前已激活 activated before";
    console.log(`${patient.name}, ${patient.socialSecurityNumber.slice(0, 6)}…: ${when}`);
    if (pin) {
      const answer = await call(pins, "VerifyPin", { lease, pin });
      console.log(`PIN: ${answer.result}, tries left ${answer.triesLeft}`);
      if (!answer.verified) return false;
    }
    for (const result of (await call(cards, "ReadFiles", { lease, files: ["medical_insurance", "health"] })).results) {
      console.log(result.file, result.read ? "read" : `${result.reason} ${result.chineseMessage}`);
    }
    return true;
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

// A line of standard input; what is typed at a terminal is not shown.
async function askPin() {
  const { isTTY } = process.stdin;
  if (isTTY) process.stdout.write("密码 PIN: ");
  const nowhere = new Writable({ write: (_text, _encoding, done) => done() });
  for await (const line of createInterface({ input: process.stdin, output: nowhere, terminal: isTTY })) return line.trim();
  return "";
}

// Outpatient registration: the first one activates the card and sets the PIN, every later one just reads. A program that
// keeps the request id, and sends the request again after an interruption, loses nothing.
async function register(activation, lease, newPin) {
  const request = { lease, requestId: randomUUID(), registration: "REGISTRATION_OUTPATIENT", newPin };
  for await (const { outcome } of activation.ActivateAtHospital(request, within(60))) {
    if (outcome) return outcome;
  }
  throw new Error("the service has ended");
}

// The reason, which is the contract, and what the service says to people, in Chinese and English.
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
  return texts.filter(Boolean).join("\n") || error.details || error.message;
}

const names = process.argv.slice(2);
const usage = new Error("usage: node hospital_pos.js SERVER CA.pem CLIENT.pem CLIENT.key");
const told = names.length === 4 ? main(...names) : Promise.reject(usage);
told.catch((error) => console.error(explain(error))).then((well) => process.exit(well ? 0 : 1));
