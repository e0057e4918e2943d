// Draws the exact contributions as a waterfall: from the typical claim, group by group, to this claim's margin.
// The figures come from the JSON block of the page; colours come from tokens.css, so light and dark follow the system.
(() => {
  "use strict";
  const place = document.getElementById("waterfall");
  const steps = JSON.parse(document.getElementById("waterfall-steps").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const probe = document.createElement("span");
  place.before(probe);
  const token = (name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  };
  const signed = (value) => (value > 0 ? "+" : value < 0 ? "−" : "") + Math.abs(value).toFixed(2);
  const chart = echarts.init(place, null, { renderer: "svg" });

  const draw = () => {
    const labels = Math.min(230, place.clientWidth * 0.4);
    const colour = { total: token("--total"), for: token("--for"), against: token("--against") };
    const ink = token("--ink"), soft = token("--ink-soft"), line = token("--line");
    chart.setOption({
      animation: false,
      aria: { enabled: true },
      textStyle: { color: ink, fontFamily: getComputedStyle(document.body).fontFamily },
      grid: { left: labels + 12, right: 64, top: 8, bottom: 44 },
      tooltip: {
        trigger: "item", renderMode: "richText", backgroundColor: token("--surface"), borderColor: line,
        textStyle: { color: ink },
        formatter: ({ dataIndex }) => {
          const step = steps[dataIndex];
          return step.kind === "total"
            ? `${step.label}: ${step.to.toFixed(3)} log-odds`
            : `${step.label}\n${signed(step.push)} log-odds, odds × ${Math.exp(step.push).toFixed(2)}`;
        },
      },
      xAxis: {
        type: "value", scale: true, name: "log-odds of fraud", nameLocation: "middle", nameGap: 24,
        nameTextStyle: { color: soft }, axisLabel: { color: soft }, splitLine: { lineStyle: { color: line } },
      },
      yAxis: {
        type: "category", inverse: true, data: steps.map((step) => step.label),
        axisLabel: { color: ink, width: labels, overflow: "truncate" }, axisLine: { lineStyle: { color: line } }, axisTick: { show: false },
      },
      series: [{
        type: "custom",
        encode: { x: [1, 2], y: 0 },
        data: steps.map((step, index) => [index, step.from, step.to]),
        renderItem: (params, item) => {
          const step = steps[params.dataIndex];
          const start = item.coord([item.value(1), item.value(0)]);
          const end = item.coord([item.value(2), item.value(0)]);
          const height = Math.min(item.size([0, 1])[1] * 0.62, 30);
          const left = Math.min(start[0], end[0]);
          const width = Math.max(Math.abs(end[0] - start[0]), 3);
          return {
            type: "group",
            children: [
              { type: "rect", shape: { x: left, y: start[1] - height / 2, width, height }, style: { fill: colour[step.kind] } },
              {
                type: "text",
                style: {
                  text: step.kind === "total" ? step.to.toFixed(2) : signed(step.push),
                  x: left + width + 6, y: start[1], verticalAlign: "middle", fill: soft, fontSize: 12,
                },
              },
            ],
          };
        },
      }],
    }, true);
  };

  draw();
  dark.addEventListener("change", draw);
  window.addEventListener("resize", () => {
    chart.resize();
    draw();
  });
  place.dataset.drawn = String(steps.length);
})();
