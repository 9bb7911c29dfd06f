/** What runs in the inbox page. It holds the token in memory alone, and puts nothing of a mail into its own page but as text. */
export const inboxScript = `
const element = (id) => document.getElementById(id);
const ask = async (query, variables) => {
  const response = await fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: 'Bearer ' + element('token').value.trim() },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(errors.map(({ message }) => message).join(' '));
  return data;
};
const say = (text) => { element('said').textContent = text; };
const show = async (id) => {
  const { notification } = await ask('query ($id: ID!) { notification(id: $id) { subject recipient html } }', { id });
  element('subject').textContent = (notification.subject ?? 'Erased') + ' → ' + (notification.recipient ?? 'erased');
  element('mail').srcdoc = notification.html ?? 'What it said was erased.';
  // Below a list of fifty nobody would see it.
  element('subject').scrollIntoView();
};
const row = (mail) => {
  const line = document.createElement('tr');
  for (const text of [mail.createdAt.slice(0, 19).replace('T', ' '), mail.recipient ?? 'erased', mail.status]) {
    line.insertCell().textContent = text;
  }
  const open = document.createElement('button');
  open.type = 'button';
  open.textContent = mail.subject ?? 'Erased';
  open.onclick = () => show(mail.id).catch((error) => say(error.message));
  line.insertCell().append(open);
  return line;
};
element('ask').onsubmit = async (event) => {
  event.preventDefault();
  try {
    const query = '{ notifications(first: 50) { nodes { id createdAt recipient status subject } } }';
    const { nodes } = (await ask(query, {})).notifications;
    element('mails').replaceChildren(...nodes.map(row));
    say(nodes.length === 0 ? 'There is no mail yet.' : 'The newest ' + nodes.length + ', in UTC.');
  } catch (error) {
    say(error.message);
  }
};
`;

/** Lists mail and shows one, for who may read it: the one who opens the page brings a token. */
export const inboxPage = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mail</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 24px; color: #1b2530; }
input { width: min(40em, 60vw); font: inherit; padding: 4px 8px; }
button { font: inherit; padding: 4px 10px; cursor: pointer; }
td { padding: 3px 14px 3px 0; } td button { border: 0; background: none; color: #1f4e8c; text-decoration: underline; padding: 0; }
iframe { width: 100%; height: 70vh; border: 1px solid #d9dfe5; }
</style>
</head>
<body>
<h1>Mail</h1>
<p>Mail of this deployment, as it was written; license keys are masked. It takes a token with the permission notification.read.</p>
<form id="ask"><label>Token <input id="token" type="password" autocomplete="off" required></label> <button>Show mail</button></form>
<p id="said" role="status"></p>
<table><tbody id="mails"></tbody></table>
<h2 id="subject"></h2>
<iframe id="mail" title="Mail" sandbox></iframe>
<script>${inboxScript}</script>
</body>
</html>
`;
