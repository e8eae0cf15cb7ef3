"use strict";
const specs = JSON.parse(document.getElementById("data-of-charts").textContent);
const trials = JSON.parse(document.getElementById("data-of-trials").textContent);
const picker = document.getElementById("picker");

function pick(index) {
  if (!picker) return;
  picker.value = index;
  document.getElementById("picked").textContent = trials[index].text;
}

if (picker) {
  picker.addEventListener("change", () => pick(Number(picker.value)));
  pick(0);
}

for (const place of document.querySelectorAll("[data-chart]")) {
  vegaEmbed(place, specs[place.dataset.figure][place.dataset.chart], { actions: false, renderer: "svg" }).then((result) => {
    result.view.addEventListener("click", (event, item) => {
      const number = item && item.datum ? item.datum.trial : undefined;
      const index = trials.findIndex((trial) => trial.number === number);
      if (index >= 0) {
        pick(index);
        document.getElementById("picked").scrollIntoView({ block: "nearest", behavior: "smooth" });
      }
    });
  });
}
