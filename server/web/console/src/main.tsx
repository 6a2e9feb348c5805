import { startWords } from "@shared/i18n";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Refused } from "@shared/api/client";
import { router } from "./routes";
import "./frame/base.css";
import "./street/street.css";
import "./building/building.css";
import "./desk/desk.css";
import "./office/office.css";
import "./manage/manage.css";

const questions = new QueryClient({
  defaultOptions: {
    queries: {
      // Doorbells tell when something changed; asking again for nothing is not needed.
      staleTime: Number.POSITIVE_INFINITY,
      refetchOnWindowFocus: false,
      retry: (failures, error) =>
        failures < 3 && error instanceof Refused && (error.problem.status === 0 || error.problem.status >= 500),
    },
  },
});

const root = document.getElementById("root");
if (root) {
  void startWords().then(() => {
    createRoot(root).render(
      <StrictMode>
        <QueryClientProvider client={questions}>
          <RouterProvider router={router} context={{ questions }} />
        </QueryClientProvider>
      </StrictMode>,
    );
  });
}
