"use strict";

const METHODS = ["get", "post", "put", "patch", "delete", "head", "options"];

function node(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function resolve(api, value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, step) => at[step], api);
}

function shape(api, schema, depth = 0) {
  schema = resolve(api, schema) ?? {};
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return variants.map((one) => shape(api, one, depth)).filter((one, i, all) => all.indexOf(one) === i).join(" | ");
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(" | ");
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === "array") return `[${shape(api, schema.items, depth)}, …]`;
  if (schema.properties) {
    if (depth > 3) return "{…}";
    const pad = "  ".repeat(depth + 1);
    const required = new Set(schema.required ?? []);
    const lines = Object.entries(schema.properties).map(
      ([name, value]) => `${pad}${name}${required.has(name) ? "" : "?"}: ${shape(api, value, depth + 1)}`,
    );
    return `{\n${lines.join(",\n")}\n${"  ".repeat(depth)}}`;
  }
  return [schema.type ?? "any", schema.format, schema.pattern].filter(Boolean).join(" ");
}

function bodyParts(api, title, content) {
  return Object.entries(content ?? {}).flatMap(([media, value]) => [
    node("p", {}, `${title} `, node("code", {}, media)),
    node("pre", {}, shape(api, value.schema)),
  ]);
}

function parameterTable(parameters, inputs) {
  if (!parameters.length) return null;
  const rows = parameters.map((one) => {
    const input = node("input", { "aria-label": one.name, placeholder: String(one.schema?.default ?? "") });
    inputs.push([one, input]);
    return node(
      "tr",
      {},
      node("td", {}, node("code", {}, one.name), one.required ? " *" : ""),
      node("td", {}, one.in),
      node("td", {}, one.description ?? ""),
      node("td", {}, input),
    );
  });
  return node("table", {}, node("tbody", {}, ...rows));
}

function request(path, method, inputs, body) {
  const query = new URLSearchParams();
  const headers = {};
  for (const [one, input] of inputs) {
    if (input.value === "") continue;
    if (one.in === "path") path = path.replace(`{${one.name}}`, encodeURIComponent(input.value));
    else if (one.in === "query") input.value.split(",").forEach((value) => query.append(one.name, value));
    else headers[one.name] = input.value;
  }
  if (body) headers["Content-Type"] = "application/json";
  const url = path + (query.size ? `?${query}` : "");
  return [url, { method: method.toUpperCase(), headers, body: body || undefined }];
}

async function show(output, url, options) {
  output.textContent = "…";
  try {
    const answer = await fetch(url, options);
    const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const type = answer.headers.get("content-type") ?? "";
    let text = type.includes("event-stream") ? "(a stream of events)" : (await answer.text()).slice(0, 100000);
    if (type.includes("json") && text) text = JSON.stringify(JSON.parse(text), null, 2);
    output.textContent = `${answer.status} ${answer.statusText}\n${head}\n\n${text}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

function trial(path, method, inputs, json) {
  const body = json ? node("textarea", { rows: "6", "aria-label": "Body" }) : null;
  if (body && json.schema?.examples?.length) body.value = JSON.stringify(json.schema.examples[0], null, 2);
  const output = node("pre", {});
  const send = node("button", { type: "button", onclick: () => show(output, ...request(path, method, inputs, body?.value)) }, "Send");
  return [body, send, output];
}

function operation(api, path, method, described) {
  const inputs = [];
  const parameters = (described.parameters ?? []).map((one) => resolve(api, one));
  const content = resolve(api, described.requestBody)?.content;
  const answers = Object.entries(described.responses).flatMap(([status, value]) => {
    const answer = resolve(api, value);
    const good = Number(status) < 400;
    return [node("p", {}, node("strong", {}, status), ` ${answer.description ?? ""}`), ...(good ? bodyParts(api, "", answer.content) : [])];
  });
  const planned = described["x-headwater-status"] === "planned";
  return node(
    "details",
    { class: planned ? "operation planned" : "operation", id: described.operationId },
    node("summary", {}, node("span", { class: "method" }, method.toUpperCase()), node("code", {}, path), ` ${described.summary ?? ""}`, planned ? " (planned)" : ""),
    described.description && described.description !== described.summary ? node("p", {}, described.description) : null,
    parameterTable(parameters, inputs),
    ...bodyParts(api, "Body", content),
    ...trial(path, method, inputs, content?.["application/json"]),
    ...answers,
  );
}

function render(api) {
  const groups = new Map();
  for (const [path, item] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((one) => one in item)) {
      const tag = item[method].tags?.[0] ?? "Other";
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(operation(api, path, method, item[method]));
    }
  }
  const sections = [...groups].map(([tag, found]) => node("section", {}, node("h2", {}, tag), ...found));
  document.getElementById("operations").replaceChildren(...sections);
  document.getElementById("filter").addEventListener("input", (event) => {
    const word = event.target.value.toLowerCase();
    for (const found of document.querySelectorAll("details.operation")) {
      found.hidden = !found.querySelector("summary").textContent.toLowerCase().includes(word);
    }
  });
  if (location.hash) document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
}

fetch("/openapi.json")
  .then((answer) => answer.json())
  .then(render)
  .catch((error) => document.getElementById("operations").replaceChildren(`The document can't be read: ${error}`));
