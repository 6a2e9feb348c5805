import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { asking } from "../asking";
import { Crumbs } from "../frame/Crumbs";
import { Failed, Loading } from "../frame/Notices";
import { assigned as route } from "../routes";
import { BuildingList } from "./BuildingList";

/** The buildings that the caller's teams are assigned to: what inspectors and team leaders see. */
export function AssignedPage() {
  const { t } = useTranslation();
  const asked = route.useSearch();
  const go = useNavigate({ from: route.fullPath });
  const list = useQuery(asking.assigned());
  if (list.error) return <Failed error={list.error} again={() => void list.refetch()} />;
  if (!list.data) return <Loading />;
  return (
    <div className="sheet assigned">
      <Crumbs>
        <b>{t("street.assigned")}</b>
      </Crumbs>
      {list.data.length === 0 ? (
        <p className="panel empty">{t("street.noneAssigned")}</p>
      ) : (
        <BuildingList
          buildings={list.data}
          asked={asked}
          change={(change) => void go({ search: (before) => ({ ...before, ...change }), replace: true })}
        />
      )}
    </div>
  );
}
