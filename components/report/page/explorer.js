"use strict";
{
  const data = JSON.parse(document.getElementById("threshold-counts").textContent);
  const slider = document.getElementById("threshold");
  const write = (identifier, text) => { document.getElementById(identifier).textContent = text; };
  const ratio = (part, whole) => (whole ? part / whole : null);
  const number = (value) => (value === null ? "n/a" : value.toFixed(3));
  const count = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, "\u202f");

  // By Bayes, of calls for a class of this prevalence.
  const predictive = (found, spared, prevalence) => {
    if (found === null || spared === null) return null;
    const hits = found * prevalence;
    return ratio(hits, hits + (1 - spared) * (1 - prevalence));
  };

  const at = (place) => {
    const hits = data.truePositives[place];
    const alarms = data.falsePositives[place];
    const recall = ratio(hits, data.positives);
    const specificity = ratio(data.negatives - alarms, data.negatives);
    return {
      threshold: data.thresholds[place], hits, alarms, recall, specificity,
      precision: ratio(hits, hits + alarms),
      ppv: predictive(recall, specificity, data.prevalence),
      npv: predictive(specificity, recall, 1 - data.prevalence),
    };
  };

  const moveRing = (identifier, x, y) => {
    const chart = document.getElementById(identifier);
    const trace = chart && chart.data ? chart.data.findIndex((each) => each.name === data.mark) : -1;
    if (trace >= 0) Plotly.restyle(chart, { x: [[x]], y: [[y]] }, [trace]);
  };

  const show = () => {
    const point = at(Number(slider.value));
    write("threshold-value", number(point.threshold));
    write("true-positives", count(point.hits));
    write("false-negatives", count(data.positives - point.hits));
    write("false-positives", count(point.alarms));
    write("true-negatives", count(data.negatives - point.alarms));
    write("explored-recall", number(point.recall));
    write("explored-specificity", number(point.specificity));
    write("explored-ppv", number(point.ppv));
    write("explored-npv", number(point.npv));
    slider.setAttribute("aria-valuetext",
      `Threshold ${number(point.threshold)}: recall ${number(point.recall)}, specificity ${number(point.specificity)}`);
    moveRing("roc", point.specificity === null ? null : 1 - point.specificity, point.recall);
    moveRing("precision-recall", point.recall, point.precision);
  };

  const reset = () => { slider.value = data.start; show(); };
  slider.addEventListener("input", show);
  document.getElementById("threshold-reset").addEventListener("click", reset);
  document.getElementById("explorer-controls").hidden = false;
  reset();
}
