// SPDX-License-Identifier: Apache-2.0
'use strict';
// Browsers hand passkeys to scripts only. This one asks for what the page says and sends the answer like any other form.
for (const form of document.querySelectorAll('form[data-passkey]')) {
  const supported = window.PublicKeyCredential && PublicKeyCredential.parseCreationOptionsFromJSON;
  form.querySelector('[data-unsupported]').hidden = Boolean(supported);
  if (!supported) {
    continue;
  }
  form.querySelector('[data-supported]').hidden = false;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const failed = form.querySelector('[data-failed]');
    failed.hidden = true;
    try {
      const options = JSON.parse(form.dataset.options);
      const credential = form.dataset.passkey === 'create'
        ? await navigator.credentials.create({publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options)})
        : await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options)});
      form.elements.answer.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch {
      failed.hidden = false;
    }
  });
}
