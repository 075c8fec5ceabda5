// What makes the form more comfortable: only the chosen topic's hints, a look at the Campaign ID while it is typed, the
// proof of work where the desk asks for one. Without it the form works all the same, unless a proof of work is asked for.
"use strict";
(() => {
  const form = document.querySelector("form");
  if (!form) return;
  document.getElementById("faults")?.focus();

  const topic = form.elements.topic;
  const helps = form.querySelector(".helps");
  const sections = [...helps.querySelectorAll("[data-topic]")];
  const showHelps = () => {
    for (const section of sections) section.hidden = section.dataset.topic !== topic.value;
    helps.hidden = sections.every((section) => section.hidden);
    helps.open = !helps.hidden;
  };
  topic.addEventListener("change", showHelps);
  showHelps();

  const id = form.elements.campaign_id;
  const live = document.getElementById("campaign_id-live");
  let asked = 0;
  let timer;
  const look = async () => {
    const mine = ++asked;
    const text = id.value.trim();
    if (!text) {
      live.textContent = "";
      return;
    }
    try {
      const answer = await fetch("/submit/check?id=" + encodeURIComponent(text));
      if (!answer.ok) return;
      const { fits } = await answer.json();
      if (mine === asked) live.textContent = fits ? live.dataset.fits : live.dataset.odd;
    } catch {
      live.textContent = "";
    }
  };
  id.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(look, 400);
  });

  const bits = Number(form.dataset.bits || 0);
  if (!bits || !window.crypto?.subtle) return;
  const encoder = new TextEncoder();
  const works = async (answer) => {
    const hash = new DataView(await crypto.subtle.digest("SHA-256", encoder.encode(form.elements.pass.value + ":" + answer)));
    return Math.clz32(hash.getUint32(0)) >= bits;
  };
  form.addEventListener("submit", async (event) => {
    if (form.elements.work.value) return;
    event.preventDefault();
    const button = document.getElementById("send");
    if (button.hasAttribute("aria-busy")) return;
    button.setAttribute("aria-busy", "true");
    let answer = 0;
    while (!(await works(String(answer)))) answer += 1;
    form.elements.work.value = String(answer);
    form.submit();
  });
})();
